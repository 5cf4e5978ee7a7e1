#include "llm/matrix.hpp"

#include <algorithm>
#include <new>

#include "llm/kernels.hpp"
#include "llm/panel.hpp"
#include "llm/quantize.hpp"

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
    const auto width = static_cast<std::size_t>(padded(columns));
    std::byte* data = memory_.data();
    const auto one = [&](int row, int) {
        const auto at = static_cast<std::size_t>(row) * width;
        const float* from = x + static_cast<std::ptrdiff_t>(row) * columns;
        if (format == Format::kBf16) {
            auto* to = reinterpret_cast<std::uint16_t*>(data) + at;
            kernels().to_bf16(from, to, columns);
            std::fill(to + columns, to + width, std::uint16_t{0});
        } else {
            kernels().quantize(from, columns, reinterpret_cast<std::int8_t*>(data) + at,
                               reinterpret_cast<float*>(data + places.scales) + at / kBlockColumns,
                               reinterpret_cast<std::int32_t*>(data + places.sums) + at / kBlockColumns);
        }
    };
    if (rows < 4) {  // less work than telling the others of it
        for (int row = 0; row < rows; ++row) {
            one(row, 0);
        }
    } else {
        pool.each(rows, one);
    }
}

void multiply(const Matrix& w, const Activations& x, float* y, std::ptrdiff_t stride, Pool& pool) {
    const Places places(x.format_, x.rows_, x.columns_);
    const std::byte* data = x.memory_.data();
    PanelWork work;
    work.panels = w.memory.data();
    work.panel_bytes = panel_bytes(w.format, w.columns);
    work.matrix_rows = w.rows;
    work.x = {data, reinterpret_cast<const float*>(data + places.scales),
              reinterpret_cast<const std::int32_t*>(data + places.sums), x.rows_, padded(x.columns_)};
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
