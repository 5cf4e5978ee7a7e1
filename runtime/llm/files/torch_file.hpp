// pytorch_model.bin as torch.save writes it: a zip of stored entries, one of them a pickle that tells how to build the
// tensors out of the others. The pickle is read by llm/files/pickle.hpp, which can do that and nothing else.
#pragma once

#include <string>
#include <vector>

#include "llm/files/tensor_source.hpp"

namespace inferstep::llm {

// Errors name the file and the tensor or entry. The format before torch 1.6, which is no zip, is refused.
Result<std::vector<FileTensor>> read_torch_file(FileBytes file, const std::string& path);

}  // namespace inferstep::llm
