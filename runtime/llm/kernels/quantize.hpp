// Numbers in files, and 32 of them as the formats of a matrix keep them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "llm/kernels/matrix.hpp"
#include "llm/kernels/panel.hpp"

namespace inferstep::llm {

// 32 numbers with what they are multiplied with: number · scale + minimum. Halves as they lie in memory.
struct QuantizedBlock {
    std::uint8_t numbers[kBlockColumns];  // as in a panel: + 128 for int8, + 8 for int4
    std::uint16_t scale = 0;
    std::uint16_t minimum = 0;
};

// Bytes in the file of one row.
std::size_t file_row_bytes(DataType type, int columns);
// A whole row of a file as floats.
void read_row(const std::byte* row, DataType type, int columns, float* out);
// A block of a row of a file in the format that loses nothing of it: format_for(type). Not for plain numbers.
void read_quantized(const std::byte* row, DataType type, int block, QuantizedBlock* out);

// int8: the largest magnitude is 127. int4: the number of largest magnitude is -8, so that an error is at most half of
// a sixteenth of it (a whole one at the other end). int4_min: between smallest and largest, 15 equal steps.
void quantize_block(const float* x, Format format, QuantizedBlock* out);

// Row `i` of 16 of a block in a panel: 32 numbers.
void write_block(std::byte* block, Format format, int i, const QuantizedBlock& numbers);
void write_block(std::byte* block, int i, const float* numbers);  // bf16
void read_block(const std::byte* block, Format format, int i, float* out);

}  // namespace inferstep::llm
