// How fast the language model's matrices are read, beside what this machine reads in the same minute.
//
//     kernels [ISA] [FORMAT…]      "format threads rows GB/s of-read-bandwidth GFLOP/s" for rows of x 1 … 64
//
// then for 1 and 2 threads what handing out work costs, and how fast 32 heads of 100 read 2048 keys and values.
// The matrices are those of one layer of OpenLLaMA 3B and its head, some layers of them, so that none is in a cache.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "llm/kernels/matrix.hpp"
#include "llm/kernels/vector_math.hpp"

namespace inferstep::llm {
namespace {

constexpr int kLayers = 3;
constexpr int kShapes[][2] = {{9600, 3200}, {3200, 3200}, {17280, 3200}, {3200, 8640}};

template <typename T>
T must(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "kernels: error: %s\n", result.error().message.c_str());
        std::exit(1);
    }
    return std::move(*result);
}

struct Layer {
    Matrix matrices[4];
};

std::vector<Layer> layers_of(Format format, Pool& pool) {
    std::vector<Layer> layers(kLayers);
    std::vector<std::uint16_t> numbers(std::size_t{17280} * 3200);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        numbers[i] = static_cast<std::uint16_t>(0x3c00U | (i * 0x9e3779b97f4a7c15U >> 49U & 0x80ffU));
    }
    for (Layer& layer : layers) {
        for (int i = 0; i < 4; ++i) {
            const auto [rows, columns] = kShapes[i];
            const MatrixSource source{{"w",
                                       DataType::kBf16,
                                       {rows, columns},
                                       reinterpret_cast<const std::byte*>(numbers.data()),
                                       static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns) * 2,
                                       "bench"},
                                      0};
            layer.matrices[i] = must(pack_matrix(&source, 1, format, pool));
        }
    }
    return layers;
}

// The best of some passes over all matrices, in seconds; and the bytes of one.
double seconds_of(const std::vector<Layer>& layers, int rows, Pool& pool) {
    const std::vector<float> x(static_cast<std::size_t>(rows) * 8640, 0.5F);
    std::vector<float> y(static_cast<std::size_t>(rows) * 17280);
    Activations activations;
    double best = 1e9;
    for (int pass = 0; pass < (rows > 8 ? 3 : 7); ++pass) {
        double spent = 0;
        for (const Layer& layer : layers) {
            for (const Matrix& w : layer.matrices) {
                activations.set(w.format, x.data(), rows, w.columns, pool);
                const auto begin = std::chrono::steady_clock::now();
                multiply(w, activations, y.data(), w.rows, pool);
                spent += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
            }
        }
        best = std::min(best, spent);
    }
    return best;
}

void measure(Format format, int threads) {
    Pool pool(threads);
    const std::vector<Layer> layers = layers_of(format, pool);
    double bytes = 0;
    double numbers = 0;
    for (const Layer& layer : layers) {
        for (const Matrix& w : layer.matrices) {
            bytes += static_cast<double>(w.bytes());
            numbers += static_cast<double>(w.rows) * w.columns;
        }
    }
    for (const int rows : {1, 2, 3, 4, 6, 8, 12, 16, 64}) {
        const double reference = read_bandwidth(pool, 0.1);
        const double seconds = seconds_of(layers, rows, pool);
        std::printf("%-8s %d threads %3d rows %6.1f GB/s %5.2f of %5.1f %7.0f GFLOP/s\n",
                    std::string(name_of(format)).c_str(), threads, rows, bytes / seconds / 1e9,
                    bytes / seconds / reference, reference / 1e9, 2 * rows * numbers / seconds / 1e9);
        std::fflush(stdout);
    }
}

double best_of(int passes, const std::function<void()>& work) {
    double best = 1e9;
    for (int pass = 0; pass < passes; ++pass) {
        const auto begin = std::chrono::steady_clock::now();
        work();
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    return best;
}

void measure_pool(Pool& pool) {
    constexpr int kRuns = 1000;
    const double seconds = best_of(20, [&] {
        for (int i = 0; i < kRuns; ++i) {
            pool.each(2 * pool.threads(), [](int, int) {});
        }
    });
    std::printf("handing out %d threads %.2f us\n", pool.threads(), seconds / kRuns * 1e6);
}

void measure_attention(int rows, Pool& pool) {
    constexpr int kHeads = 32;
    constexpr int kDim = 100;
    constexpr int kKeys = 2048;
    constexpr std::size_t kHead = std::size_t{kKeys} * kDim;
    constexpr std::size_t kLayer = kHead * kHeads;
    constexpr std::size_t kLayersOfCache = 4;
    Memory memory = must(Memory::create(kLayersOfCache * kLayer * 4));
    auto* cache = reinterpret_cast<std::uint16_t*>(memory.data());
    std::fill(cache, cache + kLayersOfCache * kLayer * 2, std::uint16_t{0x3c00});
    const std::vector<float> queries(std::size_t{kHeads} * kDim * static_cast<std::size_t>(rows), 0.1F);
    std::vector<float> out(queries.size());
    std::vector<std::vector<float>> scores(static_cast<std::size_t>(pool.threads()),
                                           std::vector<float>(std::size_t{kKeys} * kAttendTogether));
    const double seconds = best_of(5, [&] {
        for (std::size_t layer = 0; layer < kLayersOfCache; ++layer) {
            pool.each(kHeads, [&](int head, int thread) {
                const std::uint16_t* keys = cache + layer * kLayer * 2 + static_cast<std::size_t>(head) * kHead;
                attend_rows({queries.data() + head * kDim, std::ptrdiff_t{kHeads} * kDim}, rows, keys, keys + kLayer,
                            kKeys, kDim, kDim, scores[static_cast<std::size_t>(thread)].data(),
                            {out.data() + head * kDim, std::ptrdiff_t{kHeads} * kDim});
            });
        }
    });
    const double reference = read_bandwidth(pool, 0.1);
    const double bytes = static_cast<double>(memory.size());
    std::printf("attend   %d threads %3d rows %6.1f GB/s %5.2f of %5.1f\n", pool.threads(), rows, bytes / seconds / 1e9,
                bytes / seconds / reference, reference / 1e9);
}

int run(int argc, char** argv) {
    const std::string isa = argc > 1 ? argv[1] : std::string(name_of(best_isa()));
    for (const Isa one : {Isa::kPortable, Isa::kAvx2, Isa::kAvx512}) {
        if (name_of(one) == isa && !use_isa(one)) {
            std::fprintf(stderr, "kernels: error: this CPU has no %s\n", isa.c_str());
            return 1;
        }
    }
    for (const Format format : {Format::kBf16, Format::kInt8, Format::kInt4}) {
        if (argc > 2 && std::find(argv + 2, argv + argc, name_of(format)) == argv + argc) {
            continue;
        }
        measure(format, 1);
        measure(format, 2);
    }
    for (int threads = 1; threads <= 2; ++threads) {
        Pool pool(threads);
        measure_pool(pool);
        measure_attention(1, pool);
        measure_attention(4, pool);
        measure_attention(16, pool);
    }
    return 0;
}

}  // namespace
}  // namespace inferstep::llm

int main(int argc, char** argv) { return inferstep::llm::run(argc, argv); }
