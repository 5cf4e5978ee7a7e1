// TorchScript source behind the interface Script. libtorch's types: only for *_torch.cpp files.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "inferdb/backend.hpp"

namespace inferstep {

// Errors are one line, in the words of libtorch's compiler.
Result<std::shared_ptr<Script>> compile_script(const std::string& source, at::Device device);

}  // namespace inferstep
