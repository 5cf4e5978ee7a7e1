// How weights and activations lie in a GPU's memory: what packing on the host writes, the kernels read. Compiled for
// both; tests check on the host that every element has a place of its own.
//
// A product is made of tiles of 16 rows of the matrix times 8 rows of activations, 64 columns at a time (a step), by
// the tensor cores' mma.m16n8k16 (bf16) or m16n8k32 (int8). In these, lane = 4·g + t of a warp holds of the matrix rows
// g and g + 8, of the activations row g. What a lane needs of a step lies together, in pieces of 16 bytes, so that a
// warp reads without gaps:
//   matrix       tile of 16 rows, step:  bf16 4, int8 2, int4 1 pieces of [lane][16 bytes]
//   scales       tile, step:  [g][row g or g + 8][half of the step], half precision; minima likewise
//   activations  tile of 8 rows, step:  bf16 2, int8 1 pieces of [lane][16 bytes]
//   their scales tile, step:  [half of the step][row], float32; the sums of scale · numbers likewise
#pragma once

#include <cstddef>
#include <cstdint>

#include "llm/cuda/portable.hpp"

namespace inferstep::llm::cuda {

// As llm::Format, which needs not be known to the kernels.
enum class Kind : int { kBf16, kInt8, kInt4, kInt4Min };

constexpr int kTileRows = 16;     // of a matrix
constexpr int kTileBatch = 8;     // rows of activations
constexpr int kStepColumns = 64;  // a step
constexpr int kScaleColumns = 32;
constexpr int kWarpBytes = 512;  // one piece of 16 bytes for each lane

INFERSTEP_BOTH constexpr int tiles_of(int rows) { return (rows + kTileRows - 1) / kTileRows; }
INFERSTEP_BOTH constexpr int batch_tiles(int rows) { return (rows + kTileBatch - 1) / kTileBatch; }
INFERSTEP_BOTH constexpr int steps_of(int columns) { return (columns + kStepColumns - 1) / kStepColumns; }
INFERSTEP_BOTH constexpr int pieces_of(Kind kind) { return kind == Kind::kBf16 ? 4 : kind == Kind::kInt8 ? 2 : 1; }

struct Place {
    std::size_t byte = 0;
    int shift = 0;  // of the four bits in the byte, int4
};

// Where the number of (row, column) lies in a matrix whose rows have `steps` steps.
INFERSTEP_BOTH constexpr Place weight_place(Kind kind, int steps, int row, int column) {
    const std::size_t step = static_cast<std::size_t>(row / kTileRows) * static_cast<std::size_t>(steps) +
                             static_cast<std::size_t>(column / kStepColumns);
    const int g = row % 8;
    const int upper = row % kTileRows / 8;
    const int c = column % kStepColumns;
    int in_step = 0;
    int shift = 0;
    if (kind == Kind::kBf16) {
        const int lane = g * 4 + c % 8 / 2;
        in_step = c / 16 * kWarpBytes + lane * 16 + (upper + c % 16 / 8 * 2) * 4 + c % 2 * 2;
    } else {
        const int lane = g * 4 + c % 16 / 4;
        const int half = c % 32 / 16;
        if (kind == Kind::kInt8) {
            in_step = c / 32 * kWarpBytes + lane * 16 + (upper + half * 2) * 4 + c % 4;
        } else {
            in_step = lane * 16 + c / 32 * 8 + half * 4 + c % 4;
            shift = upper * 4;
        }
    }
    return {step * static_cast<std::size_t>(pieces_of(kind) * kWarpBytes) + static_cast<std::size_t>(in_step), shift};
}

INFERSTEP_BOTH constexpr std::size_t weight_bytes(Kind kind, int rows, int columns) {
    return static_cast<std::size_t>(tiles_of(rows)) * static_cast<std::size_t>(steps_of(columns)) *
           static_cast<std::size_t>(pieces_of(kind) * kWarpBytes);
}

// The index of a scale (and minimum) among the matrix's.
INFERSTEP_BOTH constexpr std::size_t scale_place(int steps, int row, int column) {
    return (static_cast<std::size_t>(row / kTileRows) * static_cast<std::size_t>(steps) +
            static_cast<std::size_t>(column / kStepColumns)) *
               32 +
           static_cast<std::size_t>(row % 8 * 4 + row % kTileRows / 8 * 2 + column % kStepColumns / kScaleColumns);
}

INFERSTEP_BOTH constexpr std::size_t scale_count(Kind kind, int rows, int columns) {
    return kind == Kind::kBf16
               ? 0
               : static_cast<std::size_t>(tiles_of(rows)) * static_cast<std::size_t>(steps_of(columns)) * 32;
}

// Where the number of (row, column) of the activations begins: two bytes of bf16, one of int8.
INFERSTEP_BOTH constexpr std::size_t activation_place(bool bf16, int steps, int row, int column) {
    const std::size_t step = static_cast<std::size_t>(row / kTileBatch) * static_cast<std::size_t>(steps) +
                             static_cast<std::size_t>(column / kStepColumns);
    const int g = row % kTileBatch;
    const int c = column % kStepColumns;
    if (bf16) {
        const int lane = g * 4 + c % 8 / 2;
        return step * 2 * kWarpBytes +
               static_cast<std::size_t>(c / 32 * kWarpBytes + lane * 16 + c % 32 / 16 * 8 + c % 16 / 8 * 4 + c % 2 * 2);
    }
    const int lane = g * 4 + c % 16 / 4;
    return step * kWarpBytes + static_cast<std::size_t>(lane * 16 + c / 32 * 8 + c % 32 / 16 * 4 + c % 4);
}

INFERSTEP_BOTH constexpr std::size_t activation_bytes(bool bf16, int rows, int columns) {
    return static_cast<std::size_t>(batch_tiles(rows)) * static_cast<std::size_t>(steps_of(columns)) *
           static_cast<std::size_t>((bf16 ? 2 : 1) * kWarpBytes);
}

INFERSTEP_BOTH constexpr std::size_t activation_scale_place(int steps, int row, int column) {
    return ((static_cast<std::size_t>(row / kTileBatch) * static_cast<std::size_t>(steps) +
             static_cast<std::size_t>(column / kStepColumns)) *
                2 +
            static_cast<std::size_t>(column % kStepColumns / kScaleColumns)) *
               kTileBatch +
           static_cast<std::size_t>(row % kTileBatch);
}

INFERSTEP_BOTH constexpr std::size_t activation_scale_count(int rows, int columns) {
    return static_cast<std::size_t>(batch_tiles(rows)) * static_cast<std::size_t>(steps_of(columns)) * 2 * kTileBatch;
}

// Keys and values: bf16, [slot][kv head][position][head_dim padded to 8], so that a lane reads 16 bytes of a key.
INFERSTEP_BOTH constexpr int cache_columns(int head_dim) { return (head_dim + 7) / 8 * 8; }

}  // namespace inferstep::llm::cuda
