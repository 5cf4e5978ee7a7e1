// How panels lie in memory: what packing writes, every kernel reads.
//
// bf16: for each pair of columns 16 rows × 2 numbers, 64 bytes. The others: for each 32 columns a block of
//   int8      512 bytes  [column / 4][row][column % 4], each number + 128
//   int4      256 bytes  [column / 8][row][column % 4], column % 8 < 4 in the low four bits, each number + 8
//   int4_min  256 bytes  the same, numbers 0 … 15
// then 16 scales and, int4_min, 16 minima, in half precision.
#pragma once

#include <cstddef>

#include "llm/kernels/matrix.hpp"

namespace inferstep::llm {

constexpr int kPanelRows = 16;
constexpr int kBlockColumns = 32;

constexpr int padded(int columns) { return (columns + kBlockColumns - 1) / kBlockColumns * kBlockColumns; }
constexpr int panels_of(int rows) { return (rows + kPanelRows - 1) / kPanelRows; }

// Bytes of the numbers of 16 rows × 32 columns, and of the whole block with scales and minima.
constexpr std::size_t number_bytes(Format format) {
    return format == Format::kBf16 ? 1024 : format == Format::kInt8 ? 512 : 256;
}
constexpr std::size_t block_bytes(Format format) {
    constexpr std::size_t kHalves = std::size_t{kPanelRows} * 2;
    return number_bytes(format) + (format == Format::kBf16 ? 0 : format == Format::kInt4Min ? 2 * kHalves : kHalves);
}
constexpr std::size_t panel_bytes(Format format, int columns) {
    return block_bytes(format) * static_cast<std::size_t>(padded(columns) / kBlockColumns);
}

}  // namespace inferstep::llm
