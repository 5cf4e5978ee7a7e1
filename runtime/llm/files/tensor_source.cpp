#include "llm/files/tensor_source.hpp"

#include <fmt/ranges.h>

namespace inferstep::llm {
namespace {

struct Block {
    std::uint64_t bytes;
    std::uint64_t elements;
};

Block block_of(DataType type) {
    switch (type) {
        case DataType::kF32:
            return {4, 1};
        case DataType::kF16:
        case DataType::kBf16:
            return {2, 1};
        case DataType::kQ8_0:
            return {34, 32};
        case DataType::kQ4_0:
            return {18, 32};
        case DataType::kQ4_1:
            return {20, 32};
    }
    return {1, 1};
}

}  // namespace

std::string_view name_of(DataType type) {
    switch (type) {
        case DataType::kF32:
            return "F32";
        case DataType::kF16:
            return "F16";
        case DataType::kBf16:
            return "BF16";
        case DataType::kQ8_0:
            return "Q8_0";
        case DataType::kQ4_0:
            return "Q4_0";
        case DataType::kQ4_1:
            return "Q4_1";
    }
    return "?";
}

std::optional<std::uint64_t> bytes_of(DataType type, const std::vector<std::int64_t>& shape) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 48U;  // elements: no file is as large
    std::uint64_t elements = 1;
    for (const std::int64_t size : shape) {
        if (size < 0 || static_cast<std::uint64_t>(size) > kMost ||
            __builtin_mul_overflow(elements, static_cast<std::uint64_t>(size), &elements) || elements > kMost) {
            return std::nullopt;
        }
    }
    const Block block = block_of(type);
    const std::uint64_t columns = shape.empty() ? 1 : static_cast<std::uint64_t>(shape.back());
    if (columns % block.elements != 0) {
        return std::nullopt;
    }
    return elements / block.elements * block.bytes;
}

Result<TensorView> view_in(FileBytes file, const std::string& path, std::string name, DataType type,
                           std::vector<std::int64_t> shape, std::uint64_t offset) {
    const std::optional<std::uint64_t> bytes = bytes_of(type, shape);
    if (!bytes) {
        return fail("{}: tensor {} cannot have the shape {} in type {}", path, name, shape_text(shape), name_of(type));
    }
    if (offset > file.size() || *bytes > file.size() - offset) {
        return fail(
            "{}: tensor {} has {} bytes from byte {} on, and the file ends at {}: it is truncated, or its header is "
            "wrong",
            path, name, *bytes, offset, file.size());
    }
    TensorView view;
    view.name = std::move(name);
    view.type = type;
    view.shape = std::move(shape);
    view.data = file.data() + offset;
    view.bytes = static_cast<std::size_t>(*bytes);
    view.file = path;
    return view;
}

std::string shape_text(const std::vector<std::int64_t>& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace inferstep::llm
