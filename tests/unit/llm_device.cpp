// The GPU's kernels, run by a GPU that is emulated on the host (tests/cuda/emulation.hpp): the layouts, and every
// kernel against the CPUs' on the same numbers.
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "check.hpp"
#include "emulation.hpp"
#include "llm/cuda/attention.cuh"
#include "llm/kernels/kernels.hpp"
#include "llm/kernels/vector_math.hpp"
#include "llm/stage/device.hpp"
#include "llm/stage/device_pack.hpp"
#include "llm_numbers.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace inferstep::llm;
using cuda::Kind;

constexpr Format kFormats[] = {Format::kBf16, Format::kInt8, Format::kInt4, Format::kInt4Min};
constexpr int kRows = 40;      // of a matrix: no whole tiles
constexpr int kColumns = 300;  // no whole steps
constexpr int kBatch = 11;

struct Packed {
    Matrix host;
    DeviceMatrix device;
    cuda::Weights weights() const {
        return {.rows = device.rows,
                .columns = device.columns,
                .kind = device.kind,
                .numbers = reinterpret_cast<const unsigned char*>(device.numbers.data()),
                .scales = device.scales.data(),
                .minima = device.minima.data()};
    }
};

Packed pack(Format format, Pool& pool) {
    const std::vector<float> numbers = gaussian(kRows * kColumns, 7);
    const MatrixSource source{plain_tensor(numbers, kRows, kColumns), 0};
    Result<Matrix> host = pack_matrix(&source, 1, format, pool);
    if (!CHECK(host)) {
        return {};
    }
    Result<DeviceMatrix> device = pack_for_device(*host, pool);
    return CHECK(device) ? Packed{std::move(*host), std::move(*device)} : Packed{};
}

// Rows of activations in the memory of the "GPU", for up to a launch's 64.
struct Room {
    std::vector<unsigned char> numbers;
    std::vector<float> scales;
    std::vector<float> sums;
    explicit Room(int columns)
        : numbers(cuda::activation_bytes(true, cuda::kRowsAtOnce, columns)),
          scales(cuda::activation_scale_count(cuda::kRowsAtOnce, columns)),
          sums(scales.size()) {}
    cuda::PackedRows view() { return {numbers.data(), scales.data(), sums.data()}; }
};

template <cuda::Source S>
void pack_rows(bool bf16, const cuda::PackWork& work, int rows, Room& room) {
    emulate(rows, 1, cuda::kRowThreads, [&] {
        bf16 ? cuda::pack_kernel<S, true>(work, room.view()) : cuda::pack_kernel<S, false>(work, room.view());
    });
}

template <Kind K, int T>
std::vector<float> multiply_with(const cuda::Weights& w, const cuda::PackedRows& x, int rows) {
    std::vector<float> y(static_cast<std::size_t>(rows * w.rows), 0.5F);
    emulate(cuda::tiles_of(w.rows), (cuda::batch_tiles(rows) + T - 1) / T, cuda::kMultiplyThreads,
            [&] { cuda::multiply_kernel<K, T>(w, x, y.data(), w.rows, rows, true); });
    return y;
}

template <int T>
std::vector<float> multiply_any(const cuda::Weights& w, const cuda::PackedRows& x, int rows) {
    switch (w.kind) {
        case Kind::kBf16:
            return multiply_with<Kind::kBf16, T>(w, x, rows);
        case Kind::kInt8:
            return multiply_with<Kind::kInt8, T>(w, x, rows);
        case Kind::kInt4:
            return multiply_with<Kind::kInt4, T>(w, x, rows);
        default:
            return multiply_with<Kind::kInt4Min, T>(w, x, rows);
    }
}

bool near(const std::vector<float>& a, const std::vector<float>& b, float bound) {
    float worst = a.size() == b.size() ? 0 : INFINITY;
    for (std::size_t i = 0; i < a.size() && i < b.size(); i++) {
        worst = std::fmax(worst, std::fabs(a[i] - b[i]));
    }
    return worst <= bound;
}

bool same_bits(const float* a, const float* b, int count) {
    return std::memcmp(a, b, static_cast<std::size_t>(count) * sizeof(float)) == 0;
}

void every_number_has_a_place() {
    for (const Kind kind : {Kind::kBf16, Kind::kInt8, Kind::kInt4, Kind::kInt4Min}) {
        const int rows = cuda::tiles_of(kRows) * cuda::kTileRows;
        const int columns = cuda::steps_of(kColumns) * cuda::kStepColumns;
        std::set<std::pair<std::size_t, int>> places;
        std::set<std::size_t> scales;
        bool inside = true;
        for (int row = 0; row < rows; row++) {
            for (int c = 0; c < columns; c++) {
                const cuda::Place place = cuda::weight_place(kind, cuda::steps_of(kColumns), row, c);
                inside = inside && place.byte < cuda::weight_bytes(kind, kRows, kColumns);
                places.insert({place.byte, place.shift});
                scales.insert(cuda::scale_place(cuda::steps_of(kColumns), row, c));
            }
        }
        CHECK(inside);
        CHECK_EQ(places.size(), static_cast<std::size_t>(rows * columns));
        CHECK_EQ(scales.size(), static_cast<std::size_t>(rows * columns / 32));
        CHECK(kind == Kind::kBf16 || *scales.rbegin() + 1 == cuda::scale_count(kind, kRows, kColumns));
    }
    for (const bool bf16 : {true, false}) {
        const int columns = cuda::steps_of(kColumns) * cuda::kStepColumns;
        std::set<std::size_t> places;
        for (int i = 0; i < 16 * columns; i++) {
            places.insert(cuda::activation_place(bf16, cuda::steps_of(kColumns), i / columns, i % columns));
        }
        CHECK_EQ(places.size(), static_cast<std::size_t>(16 * columns));
        CHECK(*places.rbegin() < cuda::activation_bytes(bf16, kBatch, kColumns));
    }
}

void packing_keeps_every_number() {
    Pool pool(2);
    for (const Format format : kFormats) {
        const Packed packed = pack(format, pool);
        std::vector<float> host(kColumns);
        std::vector<float> device(kColumns);
        cuda::Row row = {0, 0, 0};
        for (int i = 0; i < kRows; i++) {
            copy_row(packed.host, i, host.data());
            row.token = i;
            emulate(1, 1, cuda::kRowThreads, [&] { cuda::embed_kernel(packed.weights(), &row, device.data()); });
            CHECK_IN(name_of(format).data() + fmt::format(" row {}", i), near(host, device, 1e-7F));
        }
    }
}

// The numbers of a product's input are the CPUs' to the last bit.
void activations_are_the_cpus() {
    const std::vector<float> x = gaussian(kBatch * kColumns, 3);
    const cuda::PackWork work = {.x = x.data(), .stride = kColumns, .columns = kColumns};
    const int steps = cuda::steps_of(kColumns);
    Room ints(kColumns);
    Room halves(kColumns);
    pack_rows<cuda::Source::kPlain>(false, work, kBatch, ints);
    pack_rows<cuda::Source::kPlain>(true, work, kBatch, halves);
    std::vector<std::int8_t> numbers(320);
    std::vector<float> scales(10);
    std::vector<std::int32_t> sums(10);
    std::vector<std::uint16_t> bf16(kColumns);
    bool equal = true;
    for (int row = 0; row < kBatch; row++) {
        const float* from = x.data() + row * kColumns;
        kernels().quantize(from, kColumns, numbers.data(), scales.data(), sums.data());
        llm::to_bf16(from, bf16.data(), kColumns);
        for (int c = 0; c < kColumns; c++) {
            const auto i = static_cast<std::size_t>(c);
            const auto number = static_cast<std::int8_t>(ints.numbers[cuda::activation_place(false, steps, row, c)]);
            const std::size_t at = cuda::activation_scale_place(steps, row, c);
            equal = equal && number == numbers[i] && ints.scales[at] == scales[i / 32] &&
                    ints.sums[at] == scales[i / 32] * static_cast<float>(sums[i / 32]) &&
                    std::memcmp(&halves.numbers[cuda::activation_place(true, steps, row, c)], &bf16[i], 2) == 0;
        }
    }
    CHECK(equal);
}

void products_are_the_cpus() {
    Pool pool(2);
    const std::vector<float> x = gaussian(kBatch * kColumns, 4);
    for (const Format format : kFormats) {
        const Packed packed = pack(format, pool);
        Room room(kColumns);
        pack_rows<cuda::Source::kPlain>(format == Format::kBf16,
                                        {.x = x.data(), .stride = kColumns, .columns = kColumns}, kBatch, room);
        const std::vector<float> y = multiply_any<2>(packed.weights(), room.view(), kBatch);
        Activations activations;
        activations.set(format, x.data(), kBatch, kColumns, pool);
        std::vector<float> host(y.size());
        multiply(packed.host, activations, host.data(), kRows, pool);
        for (float& value : host) {
            value += 0.5F;  // what was there
        }
        CHECK_IN(std::string(name_of(format)), near(y, host, 1e-4F));
    }
}

// However many tiles a launch takes at once, and whatever else is in the batch.
void rows_of_a_product_are_on_their_own() {
    Pool pool(2);
    const std::vector<float> x = gaussian(kBatch * kColumns, 5);
    for (const Format format : kFormats) {
        const Packed packed = pack(format, pool);
        const bool bf16 = format == Format::kBf16;
        Room all(kColumns);
        pack_rows<cuda::Source::kPlain>(bf16, {.x = x.data(), .stride = kColumns, .columns = kColumns}, kBatch, all);
        const std::vector<float> y = multiply_any<1>(packed.weights(), all.view(), kBatch);
        CHECK(same_bits(y.data(), multiply_any<4>(packed.weights(), all.view(), kBatch).data(), kBatch * kRows));
        const int last = kBatch - 1;
        Room alone(kColumns);
        pack_rows<cuda::Source::kPlain>(bf16, {.x = x.data(), .stride = kColumns, .columns = kColumns, .pick = &last},
                                        1, alone);
        const std::vector<float> one = multiply_any<1>(packed.weights(), alone.view(), 1);
        CHECK_IN(std::string(name_of(format)), same_bits(one.data(), y.data() + last * kRows, kRows));
    }
}

float packed_number(const Room& room, int steps, int row, int column) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, &room.numbers[cuda::activation_place(true, steps, row, column)], 2);
    return from_bf16(bits);
}

void norm_and_gate_are_the_cpus() {
    const std::vector<float> x = gaussian(2 * kColumns, 6);
    const std::vector<float> weight = gaussian(kColumns, 8);
    const int steps = cuda::steps_of(kColumns);
    Room room(kColumns);
    pack_rows<cuda::Source::kNorm>(
        true, {.x = x.data(), .stride = kColumns, .columns = kColumns, .weight = weight.data(), .eps = 1e-6F}, 1, room);
    std::vector<float> host(kColumns);
    rms_norm(x.data(), weight.data(), kColumns, 1e-6F, host.data());
    bool close = true;
    for (int c = 0; c < kColumns; c++) {
        const float expected = host[static_cast<std::size_t>(c)];
        close = close && std::fabs(packed_number(room, steps, 0, c) - expected) <= std::fabs(expected) / 128;
    }
    CHECK(close);
    pack_rows<cuda::Source::kGated>(true, {.x = x.data(), .stride = 2 * kColumns, .columns = kColumns}, 1, room);
    std::copy_n(x.data(), kColumns, host.data());
    silu_times(host.data(), x.data() + kColumns, kColumns);
    for (int c = 0; c < kColumns; c++) {
        const float expected = host[static_cast<std::size_t>(c)];
        close = close && std::fabs(packed_number(room, steps, 0, c) - expected) <= std::fabs(expected) / 128;
    }
    CHECK(close);
}

// Two slots, four heads of 100 on two of keys, 75 positions.
struct Attention {
    static constexpr int kHeads = 4, kKvHeads = 2, kDim = 100, kContext = 75, kAll = kHeads + 2 * kKvHeads;
    cuda::CacheShape shape = {kHeads, kKvHeads, kDim, kContext};
    std::vector<float> table = std::vector<float>(kContext * kDim);
    std::vector<unsigned short> keys, values;
    Attention() : keys(static_cast<std::size_t>(2 * kKvHeads * kContext * cuda::cache_columns(kDim))), values(keys) {
        make_rope_table(table.data(), kContext, kDim, 10000);
    }
    // The attention of a batch whose rows' q, k and v are `qkv`.
    std::vector<float> run(const std::vector<cuda::Row>& rows, std::vector<float> qkv) {
        const auto count = static_cast<int>(rows.size());
        std::vector<float> out(rows.size() * kHeads * kDim, 77.0F);
        emulate(count, 1, cuda::kRowThreads,
                [&] { cuda::rotate_kernel(shape, rows.data(), table.data(), qkv.data(), keys.data(), values.data()); });
        emulate(count, kHeads, cuda::kAttentionThreads, [&] {
            cuda::attention_kernel(shape, rows.data(), qkv.data(), keys.data(), values.data(), out.data());
        });
        return out;
    }
};

// The same by the CPUs' functions, for one sequence.
std::vector<float> host_attention(const Attention& device, std::vector<float> qkv, int rows) {
    constexpr int kDim = Attention::kDim;
    std::vector<std::uint16_t> keys(static_cast<std::size_t>(2 * rows * kDim));
    std::vector<std::uint16_t> values(keys.size());
    std::vector<float> scores(128);
    std::vector<float> out(static_cast<std::size_t>(rows * Attention::kHeads * kDim));
    for (int row = 0; row < rows; row++) {
        float* x = qkv.data() + row * Attention::kAll * kDim;
        rotate(x, Attention::kHeads + Attention::kKvHeads, kDim, device.table.data(), row);
        for (int head = 0; head < Attention::kKvHeads; head++) {
            const float* key = x + (Attention::kHeads + head) * kDim;
            llm::to_bf16(key, &keys[static_cast<std::size_t>((head * rows + row) * kDim)], kDim);
            llm::to_bf16(key + Attention::kKvHeads * kDim,
                         &values[static_cast<std::size_t>((head * rows + row) * kDim)], kDim);
        }
        for (int head = 0; head < Attention::kHeads; head++) {
            const auto at = static_cast<std::size_t>(head / 2 * rows * kDim);
            attend(x + head * kDim, &keys[at], &values[at], row + 1, kDim, kDim, scores.data(),
                   out.data() + (row * Attention::kHeads + head) * kDim);
        }
    }
    return out;
}

void attention_is_the_cpus() {
    const std::vector<float> qkv = gaussian(Attention::kContext * Attention::kAll * Attention::kDim, 9);
    Attention whole;
    std::vector<cuda::Row> rows;
    for (int i = 0; i < Attention::kContext; i++) {
        rows.push_back({1, i, 0});
    }
    const std::vector<float> out = whole.run(rows, qkv);
    CHECK(near(out, host_attention(whole, qkv, Attention::kContext), 2e-5F));

    // In pieces, the last beside a row that is none and one of another sequence: the same bits.
    Attention pieces;
    const int width = Attention::kAll * Attention::kDim;
    const int last = Attention::kContext - 1;
    pieces.run({rows.begin(), rows.end() - 1}, {qkv.begin(), qkv.end() - width});
    std::vector<float> three(qkv.begin(), qkv.begin() + 2 * width);
    three.insert(three.end(), qkv.end() - width, qkv.end());
    const std::vector<float> end = pieces.run({{-1, 0, 0}, {0, 0, 0}, {1, last, 0}}, three);
    constexpr int kOut = Attention::kHeads * Attention::kDim;
    CHECK(same_bits(end.data() + 2 * kOut, out.data() + last * kOut, kOut));
    CHECK_EQ(end[0], 77.0F);
}

void a_machine_without_a_gpu_says_so() {
    const auto count = count_gpus();
    if (count) {
        CHECK(*count > 0);
        return;
    }
    CHECK_FAILS(count, "no CUDA device");
    CHECK_FAILS(gpu_usage(0), "no CUDA device");
    CHECK_FAILS(choose_device("gpu", 0), "no CUDA device");
    const auto choice = choose_device("auto", 0);
    CHECK(choice && choice->gpu == -1 && choice->note.find("no CUDA device") != std::string::npos);
    CHECK(choose_device("cpu", 0) && choose_device("cpu", 0)->note.empty());
}

CU_TestInfo kTests[] = {
    {"every number has a place of its own", every_number_has_a_place},
    {"packing keeps every number", packing_keeps_every_number},
    {"activations are the CPUs' to the bit", activations_are_the_cpus},
    {"products are the CPUs' but for rounding", products_are_the_cpus},
    {"a row of a product depends on nothing else", rows_of_a_product_are_on_their_own},
    {"norm and gate are the CPUs' but for rounding", norm_and_gate_are_the_cpus},
    {"attention is the CPUs' but for rounding, in any pieces", attention_is_the_cpus},
    {"a machine without a GPU says so", a_machine_without_a_gpu_says_so},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kDeviceSuite = suite("device", kTests);

}  // namespace inferstep::test
