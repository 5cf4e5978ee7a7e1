#include "llm/files/model_files.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/file.hpp"
#include "core/mapped_file.hpp"
#include "llm/files/gguf.hpp"
#include "llm/files/hf_config.hpp"
#include "llm/files/hf_weights.hpp"
#include "llm/files/shape_tensors.hpp"

namespace inferstep::llm {

struct ModelFiles::State {
    std::string path;
    std::string format;
    Shape shape;
    Vocabulary vocabulary;
    std::vector<MappedFile> files;
    std::map<std::string, TensorView, std::less<>> tensors;  // those of the shape
};

namespace {

constexpr const char* kBias = ".bias";

// Every tensor of the shape, out of what the files have.
class Checker {
   public:
    Checker(const Shape& shape, const std::string& path) : shape_(shape), path_(path) {}

    Status add(FileTensor tensor) {
        const std::string name = tensor.view.name;
        if (name.starts_with("model.layers.") && name.ends_with(kBias)) {
            return fail("{}: tensor {} is a bias, and layers with biases are not understood", tensor.view.file, name);
        }
        const std::string file = tensor.view.file;
        const auto [there, is_new] = found_.try_emplace(name, std::move(tensor));
        return is_new ? Status::ok()
                      : fail("{}: tensor {} is there twice, also in {}", file, name, there->second.view.file);
    }

    Result<std::map<std::string, TensorView, std::less<>>> take() {
        std::map<std::string, TensorView, std::less<>> all;
        for (const NamedShape& wanted : tensors_of(shape_, {0, shape_.layers, true, true})) {
            const auto found = found_.find(wanted.name);
            if (found == found_.end()) {
                return fail("{} lacks the tensor {}", path_, wanted.name);
            }
            if (Status s = check(found->second, wanted); !s) {
                return s.error();
            }
            all.emplace(wanted.name, std::move(found->second.view));
        }
        return all;
    }

   private:
    static Status check(const FileTensor& tensor, const NamedShape& wanted) {
        const TensorView& view = tensor.view;
        if (!tensor.foreign_type.empty()) {
            return fail("{}: tensor {} is of type {}, which is not understood", view.file, view.name,
                        tensor.foreign_type);
        }
        if (view.shape != wanted.shape) {
            return fail("{}: tensor {} has the shape {}, and the model's configuration asks for {}", view.file,
                        view.name, shape_text(view.shape), shape_text(wanted.shape));
        }
        if (wanted.shape.size() == 1 && view.type > DataType::kBf16) {
            return fail("{}: tensor {} is a norm of type {}; only plain numbers are understood there", view.file,
                        view.name, name_of(view.type));
        }
        return Status::ok();
    }

    const Shape& shape_;
    const std::string& path_;
    std::map<std::string, FileTensor> found_;
};

// What a model's files say, before anybody looks whether it is all that the shape asks for.
struct Opened {
    std::string format;
    Shape shape;
    Vocabulary vocabulary;
    std::vector<MappedFile> files;
    std::vector<FileTensor> tensors;
};

std::string config_of(const std::string& directory) { return directory + "/config.json"; }

Result<Opened> open_directory(const std::string& path) {
    Result<Shape> shape = read_config(config_of(path));
    if (!shape) {
        return shape.error();
    }
    Result<WeightFiles> weights = open_weights(path);
    if (!weights) {
        return weights.error();
    }
    return Opened{
        std::move(weights->format), std::move(*shape), {}, std::move(weights->files), std::move(weights->tensors)};
}

Result<Opened> open_gguf(const std::string& path) {
    Result<MappedFile> file = map_file(path);
    if (!file) {
        return file.error();
    }
    const FileBytes bytes(file->data.get(), file->size);
    if (!is_gguf(bytes)) {
        return with_hint(fail("{} is no GGUF file", path), "of a Hugging Face model, name the directory");
    }
    Result<GgufFile> gguf = read_gguf(bytes, path);
    if (!gguf) {
        return gguf.error();
    }
    return Opened{
        "gguf", std::move(gguf->shape), std::move(gguf->vocabulary), {std::move(*file)}, std::move(gguf->tensors)};
}

// A directory that holds one GGUF file and no configuration stands for that file.
std::string gguf_in(const std::string& directory) {
    std::vector<std::string> all;
    std::error_code code;
    for (std::filesystem::directory_iterator i(directory, code), end; !code && i != end; i.increment(code)) {
        if (i->path().extension() == ".gguf") {
            all.push_back(i->path().string());
        }
    }
    return all.size() == 1 ? all.front() : "";
}

}  // namespace

ModelFiles::ModelFiles(std::unique_ptr<State> state) : state_(std::move(state)) {}
ModelFiles::ModelFiles(ModelFiles&&) noexcept = default;
ModelFiles& ModelFiles::operator=(ModelFiles&&) noexcept = default;
ModelFiles::~ModelFiles() = default;

Result<ModelFiles> ModelFiles::open(const std::string& path) {
    std::error_code code;
    const bool directory = std::filesystem::is_directory(path, code);
    if (directory && !exists(config_of(path))) {
        const std::string file = gguf_in(path);
        return !file.empty() ? open(file) : fail("{} is no model: it has neither config.json nor one .gguf file", path);
    }
    Result<Opened> opened = directory ? open_directory(path) : open_gguf(path);
    if (!opened) {
        return opened.error();
    }
    Checker checker(opened->shape, path);
    for (FileTensor& tensor : opened->tensors) {
        if (Status s = checker.add(std::move(tensor)); !s) {
            return s.error();
        }
    }
    auto tensors = checker.take();
    if (!tensors) {
        return tensors.error();
    }
    auto state = std::make_unique<State>();
    state->path = path;
    state->format = std::move(opened->format);
    state->shape = std::move(opened->shape);
    state->vocabulary = std::move(opened->vocabulary);
    state->files = std::move(opened->files);
    state->tensors = std::move(*tensors);
    return ModelFiles(std::move(state));
}

const Shape& ModelFiles::shape() const { return state_->shape; }
const Vocabulary& ModelFiles::vocabulary() const { return state_->vocabulary; }
const std::string& ModelFiles::path() const { return state_->path; }
std::string ModelFiles::format() const { return state_->format; }

Result<TensorView> ModelFiles::tensor(std::string_view name) const {
    const bool tied = name == kHeadName && state_->shape.tied_head;
    const auto found = state_->tensors.find(tied ? kEmbeddingName : name);
    if (found == state_->tensors.end()) {
        return fail("{} has no tensor {}", state_->path, name);
    }
    return found->second;
}

std::vector<std::string> ModelFiles::names(const LayerRange& range) const {
    std::vector<std::string> names;
    for (NamedShape& tensor : tensors_of(state_->shape, range)) {
        names.push_back(std::move(tensor.name));
    }
    std::ranges::sort(names, {}, [&](const std::string& name) {
        const auto found = state_->tensors.find(name);
        return found == state_->tensors.end() ? std::pair<std::string, const std::byte*>()
                                              : std::pair(found->second.file, found->second.data);
    });
    return names;
}

void ModelFiles::release(const TensorView& tensor) const {
    // Whole pages: what else lies on the outer two is read again when somebody asks for it.
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t before = reinterpret_cast<std::uintptr_t>(tensor.data) % page;
    if (tensor.bytes > 0) {
        madvise(const_cast<std::byte*>(tensor.data - before), before + tensor.bytes, MADV_DONTNEED);
    }
}

}  // namespace inferstep::llm
