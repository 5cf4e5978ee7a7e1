// Tensors and errors between libtorch and the interface of the backend. Only for *_torch.cpp files.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <exception>
#include <string>
#include <vector>

#include "inferdb/backend.hpp"

namespace inferstep {

// The caller's bytes as a tensor on the device, without a copy where libtorch can use them in place. Throws
// std::invalid_argument for STRING tensors.
at::Tensor to_tensor(const TensorView& view, at::Device device);

// Append what was given, a tensor or a tuple or list of tensors, one after the other, contiguous and on the host.
// Throws std::invalid_argument when it is anything else.
void collect(const c10::IValue& value, std::vector<TensorView>& views);

// What went wrong as one line, in libtorch's words without its stack and source listing.
std::string one_line(const std::exception& e);

}  // namespace inferstep
