// What the readers of the formats have in common: the tensors that a file's header tells of, before anybody looks
// whether they are those of a model. Readers take the bytes of a whole file, look at its header alone, and check every
// number in it: a view that they give lies inside of the file, and its bytes are those of its type and shape.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "llm/files/model_files.hpp"

namespace inferstep::llm {

using FileBytes = std::span<const std::byte>;

struct FileTensor {
    TensorView view;           // where the type is foreign, name and file alone
    std::string foreign_type;  // the file's word for a type that we do not take: "I64", "Q4_K"
};

// Of a tensor of this type and shape. Nothing: too large for any file, or a row is no whole number of blocks.
std::optional<std::uint64_t> bytes_of(DataType type, const std::vector<std::int64_t>& shape);

// The view of `bytes_of(…)` bytes from `offset` of the file. Error: it is not inside of the file.
Result<TensorView> view_in(FileBytes file, const std::string& path, std::string name, DataType type,
                           std::vector<std::int64_t> shape, std::uint64_t offset);

std::string shape_text(const std::vector<std::int64_t>& shape);  // "[200, 544]"

inline std::string_view as_text(FileBytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// Numbers of files are little-endian, and so are the machines that this program is for.
template <typename T>
T number_at(FileBytes bytes, std::size_t at) {
    T value{};
    __builtin_memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

}  // namespace inferstep::llm
