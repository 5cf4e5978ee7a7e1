// How the fast kernels walk over a matrix: tiles of some panels × some rows of x, whose sums stay in registers over all
// columns. A tile of P panels and M rows is T::tile<P, M>(tile); each sum in it is added up in the order of the
// columns, whatever P and M are. Included by the file of each ISA, whose T is in an unnamed namespace.
#pragma once

#include "llm/kernels/kernels.hpp"

namespace inferstep::llm {

struct Tile {
    const std::byte* panel = nullptr;  // the first one
    std::size_t panel_bytes = 0;
    const std::byte* x = nullptr;  // of the first row
    const float* scales = nullptr;
    const std::int32_t* sums = nullptr;
    std::ptrdiff_t group_rows = 0;  // rows that lie interleaved
    int columns = 0;
    float* y = nullptr;  // of the first row and panel
    std::ptrdiff_t stride = 0;
    int matrix_rows = 0;  // from the first panel on
};

// Calls T::tile<P, M> for M = rows, 1 … kMost.
template <typename T, int P, int kMost>
void tile_of(const Tile& tile, int rows) {
    if constexpr (kMost > 1) {
        if (rows < kMost) {
            return tile_of<T, P, kMost - 1>(tile, rows);
        }
    }
    T::template tile<P, kMost>(tile);
}

// All rows of x with P panels, kMost rows at a time, evenly.
template <typename T, int P, int kMost>
void multiply_rows(const PanelWork& work, int panel) {
    const int blocks = work.x.columns / 32;
    for (int g = 0; g < groups_of(work.x.rows); ++g) {
        const RowGroup group = row_group(work.x.rows, g);
        const int parts = (group.rows + kMost - 1) / kMost;
        for (int part = 0; part < parts; ++part) {
            const std::ptrdiff_t row = std::ptrdiff_t{group.rows} * part / parts;
            Tile tile;
            tile.panel = work.panels + work.panel_bytes * static_cast<std::size_t>(panel);
            tile.panel_bytes = work.panel_bytes;
            tile.x = work.x.numbers + static_cast<std::ptrdiff_t>(group.first) * work.x.row_bytes + row * 4;
            const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(group.first) * blocks + row;
            tile.scales = work.x.scales + at;
            tile.sums = work.x.sums + at;
            tile.group_rows = group.rows;
            tile.columns = work.x.columns;
            tile.y = work.y + (group.first + row) * work.stride + std::ptrdiff_t{panel} * 16;
            tile.stride = work.stride;
            tile.matrix_rows = work.matrix_rows - panel * 16;
            tile_of<T, P, kMost>(tile, static_cast<int>(std::ptrdiff_t{group.rows} * (part + 1) / parts - row));
        }
    }
}

// P panels at a time, then what is left one by one.
template <typename T, int P, int kMost>
int multiply_panels(const PanelWork& work, int first, int last) {
    for (; first + P <= last; first += P) {
        multiply_rows<T, P, kMost>(work, first);
    }
    return first;
}

}  // namespace inferstep::llm
