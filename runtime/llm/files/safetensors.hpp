// The header of a safetensors file: eight bytes of length, JSON with type, shape and place of each tensor, then the
// data.
#pragma once

#include <string>
#include <vector>

#include "llm/files/tensor_source.hpp"

namespace inferstep::llm {

// Errors name the file and the tensor.
Result<std::vector<FileTensor>> read_safetensors(FileBytes file, const std::string& path);

}  // namespace inferstep::llm
