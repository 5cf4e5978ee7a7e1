#include "llm/files/safetensors.hpp"

#include <cmath>

#include "core/json.hpp"

namespace inferstep::llm {
namespace {

constexpr std::uint64_t kLargestHeader = 100'000'000;  // that the format allows

// A whole number that a double holds exactly.
std::optional<std::uint64_t> whole(const Json& value) {
    const double number = value.is_number() ? value.as_number() : -1;
    if (!(number >= 0 && number <= 0x1p53) || number != std::floor(number)) {
        return std::nullopt;
    }
    return static_cast<std::uint64_t>(number);
}

std::optional<std::vector<std::int64_t>> numbers(const Json& entry, const char* key) {
    std::vector<std::int64_t> all;
    bool good = false;
    entry.each([&](std::string_view name, const Json& list) {
        if (name != key) {
            return;
        }
        good = list.is_array();
        list.each([&](std::string_view, const Json& item) {
            const auto number = whole(item);
            good = good && number;
            all.push_back(static_cast<std::int64_t>(number.value_or(0)));
        });
    });
    return good ? std::optional(std::move(all)) : std::nullopt;
}

std::optional<DataType> type_of(std::string_view word) {
    for (const DataType type : {DataType::kF32, DataType::kF16, DataType::kBf16}) {
        if (word == name_of(type)) {
            return type;
        }
    }
    return std::nullopt;
}

Result<FileTensor> read_entry(FileBytes file, const std::string& path, std::uint64_t data, std::string_view name,
                              const Json& entry) {
    const std::string dtype = entry.text("dtype");
    auto shape = numbers(entry, "shape");
    const auto place = numbers(entry, "data_offsets");
    if (dtype.empty() || !shape || shape->size() > 8 || !place || place->size() != 2) {
        return fail("{}: the header's entry of tensor {} is not {{dtype, shape, data_offsets}}", path, name);
    }
    const auto begin = static_cast<std::uint64_t>(place->front());
    const auto end = static_cast<std::uint64_t>(place->back());
    if (begin > end || end > file.size() - data) {
        return fail("{}: tensor {} lies at bytes {} to {} of {}: the file is truncated, or its header is wrong", path,
                    name, begin, end, file.size() - data);
    }
    const auto type = type_of(dtype);
    if (!type) {
        FileTensor foreign;
        foreign.view.name = name;
        foreign.view.file = path;
        foreign.foreign_type = dtype;
        return foreign;
    }
    Result<TensorView> view = view_in(file, path, std::string(name), *type, std::move(*shape), data + begin);
    if (!view) {
        return view.error();
    }
    if (view->bytes != end - begin) {
        return fail("{}: tensor {} has {} bytes, and its shape {} in {} takes {}", path, name, end - begin,
                    shape_text(view->shape), dtype, view->bytes);
    }
    return FileTensor{std::move(*view), {}};
}

}  // namespace

Result<std::vector<FileTensor>> read_safetensors(FileBytes file, const std::string& path) {
    constexpr std::uint64_t kLength = sizeof(std::uint64_t);
    if (file.size() < kLength) {
        return fail("{} is too short for a safetensors file", path);
    }
    const auto size = number_at<std::uint64_t>(file, 0);
    if (size > kLargestHeader || size > file.size() - kLength) {
        return fail("{}: its header would have {} bytes, and the file has {}: it is truncated, or no safetensors file",
                    path, size, file.size());
    }
    const Result<Json> header = Json::parse(as_text(file.subspan(kLength, size)), "the header of " + path);
    if (!header) {
        return header.error();
    }
    if (!header->is_object()) {
        return fail("{}: its header is no JSON object", path);
    }
    std::vector<FileTensor> tensors;
    Status status = Status::ok();
    header->each([&](std::string_view name, const Json& entry) {
        if (name == "__metadata__" || !status) {
            return;
        }
        Result<FileTensor> tensor = read_entry(file, path, kLength + size, name, entry);
        if (tensor) {
            tensors.push_back(std::move(*tensor));
        } else {
            status = tensor.error();
        }
    });
    if (!status) {
        return status.error();
    }
    return tensors;
}

}  // namespace inferstep::llm
