#include "llm/kernels/matrix.hpp"

#include <algorithm>
#include <new>
#include <vector>

#include "llm/kernels/kernels.hpp"
#include "llm/kernels/panel.hpp"
#include "llm/kernels/quantize.hpp"

namespace inferstep::llm {
namespace {

constexpr std::string_view kFormatNames[] = {"bf16", "int8", "int4", "int4_min"};

// How the rows of Activations lie in its memory: numbers, then scales, then sums, each from a whole cache line on.
struct Places {
    std::size_t scales = 0;
    std::size_t sums = 0;
    std::size_t bytes = 0;

    Places(Format format, int rows, int columns) {
        const auto line = [](std::size_t n) { return (n + 63) / 64 * 64; };
        const auto count = static_cast<std::size_t>(rows) * static_cast<std::size_t>(padded(columns));
        scales = line(format == Format::kBf16 ? count * 2 : count);
        sums = scales + (format == Format::kBf16 ? 0 : line(count / kBlockColumns * sizeof(float)));
        bytes = sums + (format == Format::kBf16 ? 0 : line(count / kBlockColumns * sizeof(std::int32_t)));
    }
};

struct Room {
    std::byte* numbers;
    float* scales;
    std::int32_t* sums;
};

// A row's 4-byte units to every n-th place.
template <typename T>
void spread(const T* from, std::size_t count, std::size_t n, T* to) {
    for (std::size_t i = 0; i < count; ++i) {
        to[i * n] = from[i];
    }
}

// The rows of a group, each converted by itself and then laid among the others.
void set_group(Format format, const float* x, int columns, RowGroup group, const Room& room) {
    const auto width = static_cast<std::size_t>(padded(columns));
    const std::size_t blocks = width / kBlockColumns;
    const std::size_t units = format == Format::kBf16 ? width / 2 : width / 4;
    const auto first = static_cast<std::size_t>(group.first);
    const auto rows = static_cast<std::size_t>(group.rows);
    auto* numbers = reinterpret_cast<std::uint32_t*>(room.numbers) + first * units;
    float* scales = room.scales + first * blocks;
    std::int32_t* sums = room.sums + first * blocks;
    thread_local std::vector<std::uint32_t> row_numbers;  // as long as the longest row
    thread_local std::vector<float> row_scales;
    thread_local std::vector<std::int32_t> row_sums;
    row_numbers.resize(std::max(row_numbers.size(), units));
    row_scales.resize(std::max(row_scales.size(), blocks));
    row_sums.resize(std::max(row_sums.size(), blocks));
    for (std::size_t r = 0; r < rows; ++r) {
        const float* from = x + (first + r) * static_cast<std::size_t>(columns);
        const bool alone = rows == 1;
        std::uint32_t* to = alone ? numbers : row_numbers.data();
        if (format == Format::kBf16) {
            auto* halves = reinterpret_cast<std::uint16_t*>(to);
            kernels().to_bf16(from, halves, columns);
            std::fill(halves + columns, halves + width, std::uint16_t{0});
        } else {
            std::int32_t* own_sums = alone ? sums : row_sums.data();
            kernels().quantize(from, columns, reinterpret_cast<std::int8_t*>(to), alone ? scales : row_scales.data(),
                               own_sums);
            std::transform(own_sums, own_sums + blocks, own_sums, [format](std::int32_t sum) {
                return format == Format::kInt4Min ? sum : sum * (format == Format::kInt8 ? -128 : -8);
            });
        }
        if (!alone) {
            spread(to, units, rows, numbers + r);
        }
        if (!alone && format != Format::kBf16) {
            spread(row_scales.data(), blocks, rows, scales + r);
            spread(row_sums.data(), blocks, rows, sums + r);
        }
    }
}

// Panels that a thread takes at a time: some hundreds of kilobytes, but some chunks for each thread.
int chunk_panels(int panels, std::size_t bytes_of_one, int threads) {
    constexpr std::size_t kChunkBytes = std::size_t{256} << 10U;
    const auto wanted = static_cast<int>(std::max<std::size_t>(2, kChunkBytes / bytes_of_one));
    return std::clamp(panels / (4 * threads), 1, wanted);
}

}  // namespace

std::string_view name_of(Format format) { return kFormatNames[static_cast<int>(format)]; }

Format format_for(DataType type, Format wanted) {
    switch (type) {
        case DataType::kQ8_0:
            return Format::kInt8;
        case DataType::kQ4_0:
            return Format::kInt4;
        case DataType::kQ4_1:
            return Format::kInt4Min;
        default:
            return wanted;
    }
}

Status Activations::reserve(int rows, int columns) {
    const std::size_t needed =
        std::max(Places(Format::kBf16, rows, columns).bytes, Places(Format::kInt8, rows, columns).bytes);
    if (memory_.size() >= needed) {
        return Status::ok();
    }
    Result<Memory> memory = Memory::create(needed);
    if (!memory) {
        return memory.error();
    }
    memory_ = std::move(*memory);
    return Status::ok();
}

void Activations::set(Format format, const float* x, int rows, int columns, Pool& pool) {
    if (!reserve(rows, columns)) {
        throw std::bad_alloc();  // as any container would that grows
    }
    format_ = format;
    rows_ = rows;
    columns_ = columns;
    const Places places(format, rows, columns);
    const Room room{memory_.data(), reinterpret_cast<float*>(memory_.data() + places.scales),
                    reinterpret_cast<std::int32_t*>(memory_.data() + places.sums)};
    if (rows < 4) {  // less work than telling the others of it
        set_group(format, x, columns, {0, rows}, room);
    } else {
        pool.each(groups_of(rows),
                  [&](int index, int) { set_group(format, x, columns, row_group(rows, index), room); });
    }
}

void multiply(const Matrix& w, const Activations& x, float* y, std::ptrdiff_t stride, Pool& pool) {
    const Places places(x.format_, x.rows_, x.columns_);
    const std::byte* data = x.memory_.data();
    PanelWork work;
    work.panels = w.memory.data();
    work.panel_bytes = panel_bytes(w.format, w.columns);
    work.matrix_rows = w.rows;
    work.x = {data,
              reinterpret_cast<const float*>(data + places.scales),
              reinterpret_cast<const std::int32_t*>(data + places.sums),
              x.rows_,
              padded(x.columns_),
              padded(x.columns_) * (x.format_ == Format::kBf16 ? 2 : 1)};
    work.y = y;
    work.stride = stride;
    const MultiplyPanels kernel = kernels().multiply[static_cast<int>(w.format)];
    const int panels = panels_of(w.rows);
    const int step = chunk_panels(panels, work.panel_bytes, pool.threads());
    pool.each((panels + step - 1) / step,
              [&](int chunk, int) { kernel(work, chunk * step, std::min(panels, (chunk + 1) * step)); });
}

void copy_row(const Matrix& w, int row, float* out) {
    const std::byte* panel =
        w.memory.data() + panel_bytes(w.format, w.columns) * static_cast<std::size_t>(row / kPanelRows);
    for (int first = 0; first < w.columns; first += kBlockColumns, panel += block_bytes(w.format)) {
        float numbers[kBlockColumns];
        read_block(panel, w.format, row % kPanelRows, numbers);
        std::copy_n(numbers, std::min(kBlockColumns, w.columns - first), out + first);
    }
}

}  // namespace inferstep::llm
