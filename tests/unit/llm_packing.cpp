// Packing: tensors of every type in a file, stacked and put back in order, and what is no matrix.
#include <cstring>
#include <vector>

#include "check.hpp"
#include "llm/kernels/half.hpp"
#include "llm/kernels/matrix.hpp"
#include "llm_numbers.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace inferstep::llm;

std::size_t at(int i) { return static_cast<std::size_t>(i); }

struct Block {
    DataType type;
    std::size_t bytes;
    Format format;
};

// Any bytes are blocks of GGUF, but for scales that are no numbers.
std::vector<std::byte> blocks_of(Block block, int count) {
    const std::vector<float> random = gaussian(count * 40, 11);
    std::vector<std::byte> file(block.bytes * at(count));
    for (std::size_t i = 0; i < file.size(); ++i) {
        file[i] = static_cast<std::byte>(static_cast<int>(random[i] * 300) & 0xff);
    }
    for (int b = 0; b < count; ++b) {
        const std::uint16_t scale = to_half(0.01F * (1 + static_cast<float>(b % 7)) * (b % 2 == 0 ? 1.0F : -1.0F));
        std::memcpy(file.data() + block.bytes * at(b), &scale, 2);
        if (block.type == DataType::kQ4_1) {
            const std::uint16_t minimum = to_half(-0.05F * static_cast<float>(b % 5));
            std::memcpy(file.data() + block.bytes * at(b) + 2, &minimum, 2);
        }
    }
    return file;
}

float block_value(Block block, const std::byte* data, int k) {
    std::uint16_t scale = 0;
    std::memcpy(&scale, data, 2);
    if (block.type == DataType::kQ8_0) {
        return from_half(scale) * static_cast<float>(static_cast<std::int8_t>(data[2 + k]));
    }
    const bool minimum = block.type == DataType::kQ4_1;
    const int pair = static_cast<int>(data[(minimum ? 4 : 2) + k % 16]);
    const int number = k < 16 ? pair & 15 : pair >> 4;
    if (!minimum) {
        return from_half(scale) * static_cast<float>(number - 8);
    }
    std::uint16_t least = 0;
    std::memcpy(&least, data + 2, 2);
    return from_half(scale) * static_cast<float>(number) + from_half(least);
}

void blocks_lose_nothing() {
    Pool pool(2);
    constexpr int kRows = 19;
    constexpr int kColumns = 96;
    for (const Block block : {Block{DataType::kQ8_0, 34, Format::kInt8}, Block{DataType::kQ4_0, 18, Format::kInt4},
                              Block{DataType::kQ4_1, 20, Format::kInt4Min}}) {
        const std::vector<std::byte> file = blocks_of(block, kRows * kColumns / 32);
        const MatrixSource source{{"w", block.type, {kRows, kColumns}, file.data(), file.size(), "test"}, 0};
        CHECK(format_for(block.type, Format::kBf16) == block.format);
        const Result<Matrix> matrix = pack_matrix(&source, 1, block.format, pool);
        if (!CHECK(matrix)) {
            return;
        }
        for (int row = 0; row < kRows; ++row) {
            float numbers[kColumns];
            copy_row(*matrix, row, numbers);
            for (int k = 0; k < kColumns; ++k) {
                const std::byte* data = file.data() + block.bytes * at((row * kColumns + k) / 32);
                CHECK_IN(fmt::format("{} row {} column {}", name_of(block.format), row, k),
                         numbers[k] == block_value(block, data, k % 32));
            }
        }
    }
}

void plain_types_agree() {
    Pool pool(1);
    std::vector<float> numbers = gaussian(16 * 40, 12);
    std::vector<std::uint16_t> half(numbers.size());
    std::vector<std::uint16_t> brain(numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        numbers[i] = bf16_value(numbers[i]);
        half[i] = to_half(numbers[i]);
        brain[i] = to_bf16(numbers[i]);
    }
    const auto* bytes = reinterpret_cast<const std::byte*>(half.data());
    const MatrixSource sources[] = {{plain_tensor(numbers, 16, 40), 0},
                                    {{"half", DataType::kF16, {16, 40}, bytes, half.size() * 2, "test"}, 0},
                                    {{"brain", DataType::kBf16, {16, 40}, nullptr, half.size() * 2, "test"}, 0}};
    MatrixSource stacked[3] = {sources[0], sources[1], sources[2]};
    stacked[2].tensor.data = reinterpret_cast<const std::byte*>(brain.data());
    const Result<Matrix> matrix = pack_matrix(stacked, 3, Format::kBf16, pool);
    if (!CHECK(matrix)) {
        return;
    }
    CHECK_EQ(matrix->rows, 48);
    for (int row = 0; row < 48; ++row) {
        float found[40];
        copy_row(*matrix, row, found);
        CHECK_EQ(std::memcmp(found, numbers.data() + row % 16 * 40, sizeof found), 0);
    }
}

void every_half_comes_back() {
    for (int i = 0; i < 0x10000; ++i) {
        const auto half = static_cast<std::uint16_t>(i);
        const bool nan = (i & 0x7fff) > 0x7c00;
        CHECK_IN(fmt::format("{:#x}", i),
                 nan ? (to_half(from_half(half)) & 0x7fff) > 0x7c00 : to_half(from_half(half)) == half);
    }
    CHECK_EQ(to_half(65520.0F), 0x7c00);
    CHECK_EQ(to_half(1.00048828125F), 0x3c00);  // half way: to the even one
}

// GGUF has row 2 i + j of a head where the model has row j · half + i.
void heads_are_put_back() {
    Pool pool(2);
    constexpr int kHeadDim = 6;
    std::vector<float> numbers(12 * 32);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        numbers[i] = static_cast<float>(i / 32);
    }
    const MatrixSource source{plain_tensor(numbers, 12, 32), kHeadDim};
    const Result<Matrix> matrix = pack_matrix(&source, 1, Format::kBf16, pool);
    if (!CHECK(matrix)) {
        return;
    }
    constexpr float kExpected[] = {0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11};
    for (int row = 0; row < 12; ++row) {
        float found[32];
        copy_row(*matrix, row, found);
        CHECK_EQ(found[0], kExpected[row]);
    }
}

void what_is_no_matrix_is_refused() {
    Pool pool(1);
    const std::vector<float> numbers(320);
    MatrixSource sources[] = {{plain_tensor(numbers, 10, 32), 0}, {plain_tensor(numbers, 5, 64), 0}};
    CHECK_FAILS(pack_matrix(sources, 2, Format::kInt8, pool), "64 columns, but w has 32");
    sources[0].unpermute_head_dim = 4;
    CHECK_FAILS(pack_matrix(sources, 1, Format::kInt8, pool), "no whole heads of 4");
    sources[0].unpermute_head_dim = 0;
    sources[0].tensor.bytes -= 1;
    CHECK_FAILS(pack_matrix(sources, 1, Format::kInt8, pool), "1279 bytes");
    sources[0].tensor.shape = {320};
    CHECK_FAILS(pack_matrix(sources, 1, Format::kInt8, pool), "is not a matrix");
    CHECK_FAILS(pack_matrix(sources, 0, Format::kInt8, pool), "0 rows");
}

CU_TestInfo kTests[] = {
    {"GGUF's blocks are taken over without loss", blocks_lose_nothing},
    {"float32, half and bfloat16 are stacked in one matrix", plain_types_agree},
    {"every half is the same after float32", every_half_comes_back},
    {"interleaved heads are put back", heads_are_put_back},
    {"what is no matrix is refused", what_is_no_matrix_is_refused},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kLlmPackingSuite = suite("llm_packing", kTests);

}  // namespace inferstep::test
