// From tensors in files to the panels of a matrix. Each panel is read, converted and written by one thread, so that it
// lies near the thread that multiplies with it, and nothing but some rows is in memory twice.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "llm/kernels/quantize.hpp"

namespace inferstep::llm {
namespace {

struct Stack {
    const MatrixSource* sources = nullptr;
    int count = 0;
    int rows = 0;
    int columns = 0;
    Format format = Format::kBf16;
};

// GGUF keeps the two halves of each head interleaved: row 2 i + j of a head is row j · half + i.
int row_in_file(int row, int head_dim) {
    if (head_dim <= 0) {
        return row;
    }
    const int half = head_dim / 2;
    const int inside = row % head_dim;
    return row - inside + inside % half * 2 + inside / half;
}

struct FileRow {
    const std::byte* data = nullptr;
    DataType type = DataType::kF32;
};

FileRow file_row(const Stack& stack, int row) {
    const MatrixSource* source = stack.sources;
    while (row >= source->tensor.shape[0]) {
        row -= static_cast<int>(source->tensor.shape[0]);
        ++source;
    }
    const auto index = static_cast<std::size_t>(row_in_file(row, source->unpermute_head_dim));
    return {source->tensor.data + file_row_bytes(source->tensor.type, stack.columns) * index, source->tensor.type};
}

bool lies_as(DataType type, Format format) {
    return format != Format::kBf16 && format_for(type, Format::kBf16) == format;
}

// `numbers`: room for the padded columns, zeros beyond the last.
void pack_row(const Stack& stack, int row, std::byte* panel, std::vector<float>& numbers) {
    const FileRow from = file_row(stack, row);
    const std::size_t step = block_bytes(stack.format);
    const int i = row % kPanelRows;
    const int blocks = padded(stack.columns) / kBlockColumns;
    QuantizedBlock quantized;
    if (lies_as(from.type, stack.format)) {
        for (int b = 0; b < blocks; ++b, panel += step) {
            read_quantized(from.data, from.type, b, &quantized);
            write_block(panel, stack.format, i, quantized);
        }
        return;
    }
    read_row(from.data, from.type, stack.columns, numbers.data());
    for (int b = 0; b < blocks; ++b, panel += step) {
        const float* block = numbers.data() + static_cast<std::ptrdiff_t>(b) * kBlockColumns;
        if (stack.format == Format::kBf16) {
            write_block(panel, i, block);
        } else {
            quantize_block(block, stack.format, &quantized);
            write_block(panel, stack.format, i, quantized);
        }
    }
}

// Down to the first byte of a page.
std::byte* page_of(const std::byte* at) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    return const_cast<std::byte*>(at) - reinterpret_cast<std::uintptr_t>(at) % page;
}

// The pages of these rows where they lie in the mapping of a file. A page that is wanted once more is read again.
void release_rows(const Stack& stack, int first, int last) {
    for (const MatrixSource* source = stack.sources; source != stack.sources + stack.count; ++source) {
        const auto rows = static_cast<int>(source->tensor.shape[0]);
        const auto size = file_row_bytes(source->tensor.type, stack.columns);
        std::byte* begin = page_of(source->tensor.data + size * static_cast<std::size_t>(std::clamp(first, 0, rows)));
        const std::byte* end =
            page_of(source->tensor.data + size * static_cast<std::size_t>(std::clamp(last, 0, rows)));
        if (source->release && end > begin) {
            madvise(begin, static_cast<std::size_t>(end - begin), MADV_DONTNEED);
        }
        first -= rows;
        last -= rows;
    }
}

Status check_source(const MatrixSource& source, const MatrixSource& first) {
    const TensorView& tensor = source.tensor;
    const auto& shape = tensor.shape;
    if (shape.size() != 2 || shape[0] <= 0 || shape[1] <= 0 || shape[0] > (1 << 26) || shape[1] > (1 << 24)) {
        return fail("{}: {} is not a matrix", tensor.file, tensor.name);
    }
    if (shape[1] != first.tensor.shape[1]) {
        return fail("{}: {} has {} columns, but {} has {}", tensor.file, tensor.name, shape[1], first.tensor.name,
                    first.tensor.shape[1]);
    }
    const int head_dim = source.unpermute_head_dim;
    if (head_dim > 0 && (head_dim % 2 != 0 || shape[0] % head_dim != 0)) {
        return fail("{}: the {} rows of {} are no whole heads of {}", tensor.file, shape[0], tensor.name, head_dim);
    }
    const auto columns = static_cast<int>(shape[1]);
    const bool whole = format_for(tensor.type, Format::kBf16) == Format::kBf16 || columns % kBlockColumns == 0;
    if (!whole || tensor.bytes != file_row_bytes(tensor.type, columns) * static_cast<std::size_t>(shape[0])) {
        return fail("{}: {} has {} bytes, which are not {} × {} numbers of its type", tensor.file, tensor.name,
                    tensor.bytes, shape[0], shape[1]);
    }
    return Status::ok();
}

Result<Stack> stack_of(const MatrixSource* sources, int count, Format format) {
    Stack stack{sources, count, 0, 0, format};
    std::int64_t rows = 0;
    for (int i = 0; i < count; ++i) {
        if (Status checked = check_source(sources[i], sources[0]); !checked) {
            return checked.error();
        }
        rows += sources[i].tensor.shape[0];
        stack.columns = static_cast<int>(sources[i].tensor.shape[1]);
    }
    if (rows == 0 || rows > (1 << 26)) {
        return fail("a matrix of {} rows cannot be packed", rows);
    }
    stack.rows = static_cast<int>(rows);
    return stack;
}

}  // namespace

Result<Matrix> pack_matrix(const MatrixSource* sources, int count, Format format, Pool& pool) {
    Result<Stack> stack = stack_of(sources, count, format);
    if (!stack) {
        return stack.error();
    }
    const int panels = panels_of(stack->rows);
    const std::size_t bytes = panel_bytes(format, stack->columns);
    Result<Memory> memory = Memory::create(bytes * static_cast<std::size_t>(panels));
    if (!memory) {
        return memory.error();
    }
    std::vector<std::vector<float>> numbers(static_cast<std::size_t>(pool.threads()));
    for (std::vector<float>& room : numbers) {
        room.resize(static_cast<std::size_t>(padded(stack->columns)));
    }
    constexpr int kGroup = 256;  // rows
    const auto pack_group = [&](int group, int thread) {
        const int end = std::min(stack->rows, (group + 1) * kGroup);
        for (int row = group * kGroup; row < end; ++row) {
            pack_row(*stack, row, memory->data() + bytes * static_cast<std::size_t>(row / kPanelRows),
                     numbers[static_cast<std::size_t>(thread)]);
        }
        release_rows(*stack, group * kGroup, end);
    };
    pool.each((stack->rows + kGroup - 1) / kGroup, pack_group, Pool::Reach::kDomain);
    Matrix matrix;
    matrix.format = format;
    matrix.rows = stack->rows;
    matrix.columns = stack->columns;
    matrix.memory = std::move(*memory);
    return matrix;
}

}  // namespace inferstep::llm
