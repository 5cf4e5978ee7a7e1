// Matrices: what packing loses, what multiplying gives, and that a row's bits depend on nothing but the row.
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "check.hpp"
#include "llm/kernels/matrix.hpp"
#include "llm_numbers.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace inferstep::llm;

struct Size {
    int rows;
    int columns;
};

constexpr Format kFormats[] = {Format::kBf16, Format::kInt8, Format::kInt4, Format::kInt4Min};

std::string label(Isa isa, Format format, Size size) {
    return fmt::format("{} {} {}x{}", name_of(isa), name_of(format), size.rows, size.columns);
}

Matrix pack(const std::vector<float>& numbers, Size size, Format format, Pool& pool) {
    const MatrixSource source{plain_tensor(numbers, size.rows, size.columns), 0};
    Result<Matrix> matrix = pack_matrix(&source, 1, format, pool);
    CHECK(matrix);
    return matrix ? std::move(*matrix) : Matrix{};
}

std::vector<float> product(const Matrix& w, const std::vector<float>& x, int rows, Pool& pool) {
    Activations activations;
    activations.set(w.format, x.data(), rows, w.columns, pool);
    const std::ptrdiff_t stride = w.rows + 3;  // what is between rows stays as it is
    std::vector<float> y(static_cast<std::size_t>(rows * stride), 77.0F);
    multiply(w, activations, y.data(), stride, pool);
    std::vector<float> plain;
    for (int r = 0; r < rows; ++r) {
        const float* row = y.data() + r * stride;
        plain.insert(plain.end(), row, row + w.rows);
        CHECK(row[w.rows] == 77.0F && row[w.rows + 2] == 77.0F);
    }
    return plain;
}

// What kernels may do with a row of x before they multiply.
std::vector<double> as_multiplied(const float* x, int columns, Format format) {
    std::vector<double> out;
    for (int first = 0; first < columns; first += 32) {
        const int end = std::min(columns, first + 32);
        float most = 0;
        for (int k = first; k < end; ++k) {
            most = std::max(most, std::fabs(x[k]));
        }
        const float inverse = most > 0 ? 127.0F / most : 0;
        for (int k = first; k < end; ++k) {
            const double rounded = std::nearbyint(x[k] * inverse) * static_cast<double>(most * (1.0F / 127.0F));
            out.push_back(format == Format::kBf16 ? static_cast<double>(bf16_value(x[k])) : rounded);
        }
    }
    return out;
}

// Against float64 over the same rounded numbers: within what float32 sums of this length may lose.
void compare_with_reference(Isa isa, Format format, Size size) {
    Pool pool(2);
    const Matrix w = pack(gaussian(size.rows * size.columns, 1), size, format, pool);
    constexpr int kRows = 3;
    const std::vector<float> x = gaussian(kRows * size.columns, 2);
    const std::vector<float> y = product(w, x, kRows, pool);
    std::vector<float> row(static_cast<std::size_t>(size.columns));
    double worst = 0;
    for (int n = 0; n < size.rows; ++n) {
        copy_row(w, n, row.data());
        for (int r = 0; r < kRows; ++r) {
            const std::vector<double> exact = as_multiplied(x.data() + r * size.columns, size.columns, format);
            double sum = 0;
            double sizes = 0;
            for (std::size_t k = 0; k < exact.size(); ++k) {
                sum += exact[k] * static_cast<double>(row[k]);
                sizes += std::fabs(exact[k] * static_cast<double>(row[k]));
            }
            const double found = static_cast<double>(y[static_cast<std::size_t>(r * size.rows + n)]);
            worst = std::max(worst, std::fabs(found - sum) / (sizes + 1e-30));
        }
    }
    CHECK_IN(fmt::format("{}: error {}", label(isa, format, size), worst), worst < 4e-6);
}

void multiplies_rightly() {
    for_each_isa([](Isa isa) {
        for (const Format format : kFormats) {
            for (const Size size : {Size{1, 32}, Size{16, 100}, Size{37, 540}, Size{200, 200}, Size{48, 3200}}) {
                compare_with_reference(isa, format, size);
            }
        }
    });
}

void compare_row_counts(Isa isa, Format format, Size size) {
    constexpr int kMost = 70;
    Pool one(1);
    const Matrix w = pack(gaussian(size.rows * size.columns, 3), size, format, one);
    const std::vector<float> x = gaussian(kMost * size.columns, 4);
    std::vector<float> alone;
    for (int r = 0; r < kMost; ++r) {
        const auto at = x.begin() + r * size.columns;
        const std::vector<float> y = product(w, {at, at + size.columns}, 1, one);
        alone.insert(alone.end(), y.begin(), y.end());
    }
    for (int threads = 1; threads <= 4; ++threads) {
        Pool pool(threads);
        for (int rows = 1; rows <= kMost; rows += threads == 1 ? 1 : 7) {
            const std::vector<float> y = product(w, x, rows, pool);
            const bool same = std::memcmp(y.data(), alone.data(), y.size() * sizeof(float)) == 0;
            CHECK_IN(fmt::format("{}, {} rows, {} threads", label(isa, format, size), rows, threads), same);
        }
    }
}

void bits_are_the_rows_own() {
    for_each_isa([](Isa isa) {
        for (const Format format : kFormats) {
            compare_row_counts(isa, format, {53, 100});
            compare_row_counts(isa, format, {176, 96});
        }
    });
}

void quantizing_errors_are_bounded() {
    Pool pool(1);
    const Size size{20, 540};
    const std::vector<float> numbers = gaussian(size.rows * size.columns, 5);
    for (const Format format : kFormats) {
        const Matrix w = pack(numbers, size, format, pool);
        // Of the largest of 32: bf16 2^-8, int8 half of a 127th, int4 one 8th at the far end, int4_min half of
        // a 15th of a range that is twice as wide; and what half precision takes from a scale.
        const double bound = format == Format::kBf16   ? 0.00391
                             : format == Format::kInt8 ? 0.0045
                             : format == Format::kInt4 ? 0.127
                                                       : 0.069;
        std::vector<float> row(static_cast<std::size_t>(size.columns));
        for (int r = 0; r < size.rows; ++r) {
            copy_row(w, r, row.data());
            const float* exact = numbers.data() + r * size.columns;
            for (int k = 0; k < size.columns; ++k) {
                const int first = k / 32 * 32;
                float most = 0;
                for (int j = first; j < std::min(size.columns, first + 32); ++j) {
                    most = std::max(most, std::fabs(exact[j]));
                }
                const double error = std::fabs(static_cast<double>(row[static_cast<std::size_t>(k)] - exact[k]));
                CHECK_IN(fmt::format("{} row {} column {}", name_of(format), r, k),
                         error <= bound * static_cast<double>(most));
            }
        }
    }
}

CU_TestInfo kTests[] = {
    {"the product is that of float64 within float32's rounding", multiplies_rightly},
    {"a row's bits do not depend on the other rows or the threads", bits_are_the_rows_own},
    {"quantizing loses no more than its steps", quantizing_errors_are_bounded},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kLlmMatrixSuite = suite("llm_matrix", kTests);

}  // namespace inferstep::test
