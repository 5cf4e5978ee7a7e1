// GGUF files, versions 2 and 3: the model's shape and vocabulary in metadata, then the tensors.
#pragma once

#include <string>
#include <vector>

#include "llm/files/model_files.hpp"
#include "llm/files/tensor_source.hpp"

namespace inferstep::llm {

struct GgufFile {
    Shape shape;
    Vocabulary vocabulary;
    std::vector<FileTensor> tensors;  // by Hugging Face's names; those that have none keep their own
};

// Errors name the file and the key or tensor, also where the model is none that this program computes.
Result<GgufFile> read_gguf(FileBytes file, const std::string& path);

bool is_gguf(FileBytes file);  // by its first bytes

}  // namespace inferstep::llm
