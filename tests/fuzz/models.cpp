// Fuzzes the readers of models and prompts; the first byte of an input says which:
//   S  a safetensors file      G  a GGUF file          P  a pickle of tensors
//   Z  a zip of torch.save     C  a config.json        L  prompts.jsonl
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "llm/files/gguf.hpp"
#include "llm/files/hf_config.hpp"
#include "llm/files/pickle.hpp"
#include "llm/files/safetensors.hpp"
#include "llm/files/shape_tensors.hpp"
#include "llm/files/torch_file.hpp"
#include "llm/text/json_lines.hpp"

namespace inferstep::fuzz {
namespace {

using namespace llm;  // NOLINT(google-build-using-namespace)

void check(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "WRONG: %s\n", what);
        std::abort();
    }
}

template <typename T>
void check_error(const Result<T>& result, std::string_view name) {
    if (!result) {
        check(result.error().message.find(name) != std::string::npos, "an error that does not name the file");
    }
}

void check_tensors(FileBytes file, const std::vector<FileTensor>& tensors) {
    for (const auto& [view, foreign] : tensors) {
        if (!foreign.empty()) {
            continue;
        }
        const auto bytes = bytes_of(view.type, view.shape);
        check(bytes && *bytes == view.bytes, "a tensor whose bytes are not those of its shape");
        check(view.data >= file.data() && view.bytes <= file.size() &&
                  static_cast<std::size_t>(view.data - file.data()) <= file.size() - view.bytes,
              "a tensor outside of its file");
    }
}

void take_tensors(FileBytes file, Result<std::vector<FileTensor>> (*read)(FileBytes, const std::string&)) {
    const auto tensors = read(file, "f.model");
    check_error(tensors, "f.model");
    if (tensors) {
        check_tensors(file, *tensors);
    }
}

void take_gguf(FileBytes file) {
    const auto gguf = read_gguf(file, "f.model");
    check_error(gguf, "f.model");
    if (gguf) {
        check_tensors(file, gguf->tensors);
        check(static_cast<bool>(check_shape(gguf->shape, "")), "a shape out of its limits");
    }
}

void take_pickle(std::string_view text) {
    const auto tensors = read_state_dict(text, "f.model");
    check_error(tensors, "f.model");
    if (tensors) {
        for (const PickledTensor& tensor : *tensors) {
            check(tensor.shape.size() == tensor.strides.size(), "a tensor with more strides than dimensions");
        }
    }
}

void take_config(std::string_view text) {
    const auto shape = parse_config(text, "f.model");
    check_error(shape, "f.model");
    if (shape) {
        check(static_cast<bool>(check_shape(*shape, "")), "a shape out of its limits");
        check(shape->layers > 64 || !tensors_of(*shape, {0, shape->layers, true, true}).empty(), "a model of nothing");
    }
}

void take_lines(std::string_view text) {
    static const int file = memfd_create("lines", MFD_CLOEXEC);
    static const std::string path = fmt::format("/proc/self/fd/{}", file);
    check(ftruncate(file, 0) == 0 && pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()),
          "no memory for the lines");
    for (const bool may_be_cut : {false, true}) {
        const auto lines = read_json_lines(path, may_be_cut);
        check_error(lines, path);
        int last = 0;
        for (std::size_t i = 0; lines && i < lines->size(); ++i) {
            check((*lines)[i].number > last && (*lines)[i].value.is_object(), "a line out of order, or no object");
            last = (*lines)[i].number;
        }
    }
}

void take(char reader, std::string_view text) {
    // Of its own size, so that a byte read beyond its end is seen.
    const std::unique_ptr<std::byte[]> copy(new std::byte[text.size()]);
    text.copy(reinterpret_cast<char*>(copy.get()), text.size());
    const FileBytes file(copy.get(), text.size());
    switch (reader) {
        case 'S':
            return take_tensors(file, read_safetensors);
        case 'Z':
            return take_tensors(file, read_torch_file);
        case 'G':
            return take_gguf(file);
        case 'P':
            return take_pickle(as_text(file));
        case 'C':
            return take_config(as_text(file));
        case 'L':
            return take_lines(as_text(file));
        default:
            return;
    }
}

}  // namespace
}  // namespace inferstep::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (!text.empty()) {
        inferstep::fuzz::take(text.front(), text.substr(1));
    }
    return 0;
}
