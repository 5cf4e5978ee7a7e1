#include "llm/files/hf_weights.hpp"

#include <map>
#include <set>

#include "core/file.hpp"
#include "core/json.hpp"
#include "llm/files/safetensors.hpp"
#include "llm/files/torch_file.hpp"

namespace inferstep::llm {
namespace {

using ReadTensors = Result<std::vector<FileTensor>> (*)(FileBytes, const std::string&);

struct Kind {
    const char* format;
    const char* file;
    ReadTensors read;
};
constexpr Kind kKinds[] = {{"safetensors", "model.safetensors", read_safetensors},
                           {"pytorch", "pytorch_model.bin", read_torch_file}};

// Adds one file; of its tensors those whose names `wanted` has (null: all).
Status add_file(WeightFiles& all, const Kind& kind, const std::string& path, const std::set<std::string>* wanted) {
    Result<MappedFile> file = map_file(path);
    if (!file) {
        return file.error();
    }
    Result<std::vector<FileTensor>> tensors = kind.read({file->data.get(), file->size}, path);
    if (!tensors) {
        return tensors.error();
    }
    std::size_t found = 0;
    for (FileTensor& tensor : *tensors) {
        if (wanted == nullptr || wanted->contains(tensor.view.name)) {
            all.tensors.push_back(std::move(tensor));
            ++found;
        }
    }
    if (wanted != nullptr && found < wanted->size()) {
        std::set<std::string> missing = *wanted;
        for (const FileTensor& tensor : all.tensors) {
            missing.erase(tensor.view.name);
        }
        return fail("{} has no tensor {}, which the index says is there", path, *missing.begin());
    }
    all.files.push_back(std::move(*file));
    return Status::ok();
}

// File name → names of tensors. The file's names come from outside: they must not lead out of the directory.
Result<std::map<std::string, std::set<std::string>>> read_index(const std::string& path) {
    const Result<std::string> text = read_file(path);
    if (!text) {
        return text.error();
    }
    const Result<Json> index = Json::parse(*text, path);
    if (!index) {
        return index.error();
    }
    std::map<std::string, std::set<std::string>> shards;
    Status status = Status::ok();
    index->each([&](std::string_view key, const Json& members) {
        if (key != "weight_map") {
            return;
        }
        members.each([&](std::string_view tensor, const Json& file) {
            const std::string name = file.as_text();
            if (name.empty() || name.find('/') != std::string::npos || name.front() == '.') {
                status = fail("{}: tensor {} is said to be in \"{}\", which is no name of a file", path, tensor, name);
                return;
            }
            shards[name].emplace(tensor);
        });
    });
    if (!status) {
        return status.error();
    }
    if (shards.empty()) {
        return fail("{} has no weight_map that names files", path);
    }
    return shards;
}

}  // namespace

Result<WeightFiles> open_weights(const std::string& directory) {
    WeightFiles all;
    for (const Kind& kind : kKinds) {
        all.format = kind.format;
        const std::string single = fmt::format("{}/{}", directory, kind.file);
        const std::string index = single + ".index.json";
        if (exists(single)) {
            Status s = add_file(all, kind, single, nullptr);
            return s ? Result<WeightFiles>(std::move(all)) : s.error();
        }
        if (!exists(index)) {
            continue;
        }
        const auto shards = read_index(index);
        if (!shards) {
            return shards.error();
        }
        for (const auto& [file, tensors] : *shards) {
            if (Status s = add_file(all, kind, fmt::format("{}/{}", directory, file), &tensors); !s) {
                return with_hint(s.error(), fmt::format("{} names {} files", index, shards->size()));
            }
        }
        return all;
    }
    return with_hint(fail("{} has no weights", directory),
                     "model.safetensors, pytorch_model.bin, or one of the two with .index.json and its shards");
}

}  // namespace inferstep::llm
