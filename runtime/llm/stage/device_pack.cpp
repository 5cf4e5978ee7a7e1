#include "llm/stage/device_pack.hpp"

#include <cstring>

#include "llm/kernels/panel.hpp"

namespace inferstep::llm {

namespace {

static_assert(kPanelRows == cuda::kTileRows && kBlockColumns == cuda::kScaleColumns);

std::uint32_t word_at(const std::byte* p) {
    std::uint32_t word = 0;
    std::memcpy(&word, p, sizeof word);
    return word;
}

// Numbers that are neighbours in both orders, four bytes of them: two columns of bf16, four of int8, and of int4 four
// columns of two rows that are 8 apart.
std::uint32_t neighbours(Format format, const std::byte* block, int row, int column) {
    const auto word = [&](int group, int i) {
        return word_at(block + static_cast<std::ptrdiff_t>(group * kPanelRows + i) * 4);
    };
    switch (format) {
        case Format::kBf16:
            return word(column / 2, row);
        case Format::kInt8:
            return word(column / 4, row) ^ 0x80808080U;  // less 128
        default: {
            const unsigned shift = column % 8 < 4 ? 0 : 4;
            return (word(column / 8, row) >> shift & 0x0f0f0f0fU) | (word(column / 8, row + 8) >> shift & 0x0f0f0f0fU)
                                                                        << 4U;
        }
    }
}

// A block of 16 rows and the columns first … first + 31.
void move_block(const Matrix& from, const std::byte* block, int tile, int first, DeviceMatrix& to) {
    const int steps = cuda::steps_of(from.columns);
    const int each = from.format == Format::kBf16 ? 2 : 4;
    const bool packs_two_rows = from.format == Format::kInt4 || from.format == Format::kInt4Min;
    for (int row = 0; row < (packs_two_rows ? 8 : kPanelRows); row++) {
        for (int c = 0; c < kBlockColumns; c += each) {
            const std::uint32_t word = neighbours(from.format, block, row, c);
            const cuda::Place place = cuda::weight_place(to.kind, steps, tile * kPanelRows + row, first + c);
            std::memcpy(to.numbers.data() + place.byte, &word, sizeof word);
        }
    }
    if (from.format == Format::kBf16) {
        return;
    }
    const std::byte* halves = block + number_bytes(from.format);
    for (int row = 0; row < kPanelRows; row++) {
        const std::size_t at = cuda::scale_place(steps, tile * kPanelRows + row, first);
        std::memcpy(&to.scales[at], halves + static_cast<std::ptrdiff_t>(row) * 2, 2);
        if (from.format == Format::kInt4Min) {
            std::memcpy(&to.minima[at], halves + static_cast<std::ptrdiff_t>(kPanelRows + row) * 2, 2);
        }
    }
}

}  // namespace

Result<DeviceMatrix> pack_for_device(const Matrix& matrix, Pool& pool) {
    DeviceMatrix packed;
    packed.kind = static_cast<cuda::Kind>(matrix.format);
    packed.rows = matrix.rows;
    packed.columns = matrix.columns;
    auto numbers = Memory::create(cuda::weight_bytes(packed.kind, matrix.rows, matrix.columns));
    if (!numbers) {
        return numbers.error();
    }
    packed.numbers = std::move(*numbers);
    const std::size_t scales = cuda::scale_count(packed.kind, matrix.rows, matrix.columns);
    packed.scales.resize(scales);
    packed.minima.resize(matrix.format == Format::kInt4Min ? scales : 0);
    pool.each(panels_of(matrix.rows), [&](int panel, int) {
        const std::byte* block =
            matrix.memory.data() + panel_bytes(matrix.format, matrix.columns) * static_cast<std::size_t>(panel);
        for (int first = 0; first < matrix.columns; first += kBlockColumns, block += block_bytes(matrix.format)) {
            move_block(matrix, block, panel, first, packed);
        }
    });
    return packed;
}

}  // namespace inferstep::llm
