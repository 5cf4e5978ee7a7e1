// A TorchScript model behind the interface Model. libtorch's types: only for *_torch.cpp files.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>

#include <string_view>
#include <vector>

#include "inferdb/backend.hpp"

namespace inferstep {

class TorchModel final : public Model {
   public:
    // Read, and unless told otherwise freeze and optimize, the TorchScript file in `blob`. Throws what libtorch throws.
    TorchModel(std::string_view blob, at::Device device, bool optimize);

    Result<std::vector<TensorView>> run(const std::vector<TensorView>& inputs) override;
    std::vector<std::int64_t> example_shape() const override { return example_shape_; }

   private:
    torch::jit::Module module_;
    at::Device device_;
    std::vector<std::int64_t> example_shape_;
};

}  // namespace inferstep
