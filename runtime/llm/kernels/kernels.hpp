// The functions that exist once for each ISA. kernels() are those that use_isa() chose.
#pragma once

#include <cstddef>
#include <cstdint>

#include "llm/kernels/matrix.hpp"

namespace inferstep::llm {

// Rows of x in groups of at most 12, all of about the same size, which the kernels multiply with at a time. A group of
// n rows lies interleaved: the first 4 bytes (2 bf16 or 4 int8) of each of its rows, then the second, …; scales and
// sums of int8 for each 32 columns likewise, the sums times what the numbers of a matrix of that format are too large
// by, negated (int4_min: as they are). `columns` is padded to 32.
constexpr int kGroupRows = 12;

struct ActivationRows {
    const std::byte* numbers = nullptr;
    const float* scales = nullptr;
    const std::int32_t* sums = nullptr;
    int rows = 0;
    int columns = 0;
    int row_bytes = 0;
};

struct RowGroup {
    int first = 0;
    int rows = 0;
};

// Of internal linkage, as everything that files for other ISAs than the oldest share.
static inline int groups_of(int rows) { return (rows + kGroupRows - 1) / kGroupRows; }
static inline RowGroup row_group(int rows, int index) {
    const int groups = groups_of(rows);
    const int small = rows / groups;
    const int large = rows % groups;  // so many groups have a row more
    return {index * small + (index < large ? index : large), small + (index < large ? 1 : 0)};
}

// y = x · Wᵀ for the 16-row panels `first` … `last` - 1 of a matrix.
struct PanelWork {
    const std::byte* panels = nullptr;  // of the whole matrix
    std::size_t panel_bytes = 0;
    int matrix_rows = 0;
    ActivationRows x;
    float* y = nullptr;
    std::ptrdiff_t stride = 0;
};
using MultiplyPanels = void (*)(const PanelWork& work, int first, int last);

// Queries of one head whose tokens follow each other, each so many floats from the one before it, and where their
// scores and results go. The last one sees all keys, each other one a key fewer than the next.
struct Queries {
    const float* first = nullptr;
    std::ptrdiff_t step = 0;
    float* scores = nullptr;  // overwritten from one to the next, `score_step` floats for each that are done together
    std::ptrdiff_t score_step = 0;
    float* out = nullptr;
    std::ptrdiff_t out_step = 0;
};

struct Kernels {
    const MultiplyPanels* multiply;  // by Format
    // One row to int8: n numbers, padded with zeros to whole blocks; a scale and the numbers' sum for each block.
    void (*quantize)(const float* x, int n, std::int8_t* out, float* scales, std::int32_t* sums);
    void (*to_bf16)(const float* x, std::uint16_t* out, int n);
    void (*rms_norm)(const float* x, const float* weight, int n, float eps, float* out);
    void (*rotate)(float* heads, int count, int head_dim, const float* table);  // of one position
    void (*silu_times)(float* gate, const float* up, int n);
    void (*add)(float* x, const float* y, int n);
    void (*attend)(Queries queries, int rows, const std::uint16_t* keys, const std::uint16_t* values, int count,
                   std::ptrdiff_t stride, int head_dim);
    float (*sum)(const float* x, std::size_t n);  // n a multiple of 256, x aligned to 64: for read_bandwidth()
};

const Kernels& kernels();

extern const Kernels portable_kernels;
#if defined(__x86_64__)
extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;
extern const MultiplyPanels avx2_multiply[4];
extern const MultiplyPanels avx512_multiply[4];
#endif

}  // namespace inferstep::llm
