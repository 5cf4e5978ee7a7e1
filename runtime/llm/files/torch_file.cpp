#include "llm/files/torch_file.hpp"

#include <algorithm>
#include <optional>

#include "llm/files/pickle.hpp"
#include "llm/files/zip.hpp"

namespace inferstep::llm {
namespace {

std::optional<DataType> type_of(std::string_view storage) {
    return storage == "FloatStorage"      ? std::optional(DataType::kF32)
           : storage == "HalfStorage"     ? std::optional(DataType::kF16)
           : storage == "BFloat16Storage" ? std::optional(DataType::kBf16)
                                          : std::nullopt;
}

// Rows after rows without gaps; where there is one element along a dimension, its stride says nothing.
bool contiguous(const PickledTensor& tensor) {
    std::int64_t step = 1;
    for (std::size_t i = tensor.shape.size(); i-- > 0;) {
        if ((tensor.shape[i] > 1 && tensor.strides[i] != step) ||
            __builtin_mul_overflow(step, std::max<std::int64_t>(tensor.shape[i], 1), &step)) {
            return false;
        }
    }
    return true;
}

Result<FileTensor> tensor_of(const PickledTensor& pickled, const ZipEntries& entries, const std::string& root,
                             const std::string& path) {
    const auto type = type_of(pickled.storage_class);
    if (!type) {
        FileTensor foreign;
        foreign.view.name = pickled.name;
        foreign.view.file = path;
        foreign.foreign_type = pickled.storage_class;
        return foreign;
    }
    const auto entry = entries.find(fmt::format("{}/data/{}", root, pickled.storage));
    if (entry == entries.end()) {
        return fail("{}: tensor {} is in the entry data/{}, which is not there", path, pickled.name, pickled.storage);
    }
    if (!contiguous(pickled)) {
        return fail("{}: tensor {} of shape {} lies with the strides {}, and only contiguous ones are understood", path,
                    pickled.name, shape_text(pickled.shape), shape_text(pickled.strides));
    }
    const std::uint64_t width = *bytes_of(*type, {1});
    const FileBytes storage = entry->second;
    if (pickled.elements > storage.size() / width || pickled.offset > pickled.elements) {
        return fail("{}: tensor {} begins at element {} of {}, and its storage has {} bytes", path, pickled.name,
                    pickled.offset, pickled.elements, storage.size());
    }
    Result<TensorView> view = view_in(storage.first(pickled.elements * width), path, pickled.name, *type, pickled.shape,
                                      pickled.offset * width);
    return view ? Result<FileTensor>(FileTensor{std::move(*view), {}}) : Result<FileTensor>(view.error());
}

Status check_kind(FileBytes file, const std::string& path) {
    constexpr std::string_view kZip = "PK\x03\x04";
    constexpr std::string_view kLegacy = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46";  // its magic number, pickled
    const std::string_view begin = as_text(file.first(std::min<std::size_t>(file.size(), kLegacy.size())));
    if (begin.starts_with(kLegacy)) {
        return with_hint(fail("{} is in torch's format from before 1.6, which is not understood", path),
                         "save the model anew with a torch of today, or convert it to safetensors");
    }
    return begin.starts_with(kZip) ? Status::ok() : fail("{} is no file that torch.save wrote", path);
}

}  // namespace

Result<std::vector<FileTensor>> read_torch_file(FileBytes file, const std::string& path) {
    if (Status s = check_kind(file, path); !s) {
        return s.error();
    }
    const Result<ZipEntries> entries = read_zip(file, path);
    if (!entries) {
        return entries.error();
    }
    constexpr std::string_view kPickle = "/data.pkl";
    const auto pickle = std::ranges::find_if(*entries, [&](const auto& entry) {
        return entry.first.ends_with(kPickle) && entry.first.find('/') == entry.first.size() - kPickle.size();
    });
    if (pickle == entries->end()) {
        return fail("{} has no entry data.pkl: it is no file that torch.save wrote", path);
    }
    const std::string root = pickle->first.substr(0, pickle->first.size() - kPickle.size());
    const auto order = entries->find(root + "/byteorder");
    if (order != entries->end() && as_text(order->second) != "little") {
        return fail("{} was written on a machine of another byte order", path);
    }
    const Result<std::vector<PickledTensor>> pickled = read_state_dict(as_text(pickle->second), path);
    if (!pickled) {
        return pickled.error();
    }
    std::vector<FileTensor> tensors;
    for (const PickledTensor& one : *pickled) {
        Result<FileTensor> tensor = tensor_of(one, *entries, root, path);
        if (!tensor) {
            return tensor.error();
        }
        tensors.push_back(std::move(*tensor));
    }
    return tensors;
}

}  // namespace inferstep::llm
