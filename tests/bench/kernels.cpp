// How fast the language model's matrices are read, beside what this machine reads in the same minute.
//
//     kernels [ISA] [FORMAT…]      "format threads rows GB/s of-read-bandwidth GFLOP/s" for rows of x 1 … 64
//
// The matrices are those of one layer of OpenLLaMA 3B and its head, some layers of them, so that none is in a cache.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "llm/matrix.hpp"
#include "llm/vector_math.hpp"

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
    return 0;
}

}  // namespace
}  // namespace inferstep::llm

int main(int argc, char** argv) { return inferstep::llm::run(argc, argv); }
