// A TorchScript model behind the interface Model. libtorch's types: only for *_torch.cpp files.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>

#include <atomic>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "inferdb/backend.hpp"

namespace inferstep {

class TorchModel final : public Model {
   public:
    // Read, and unless told otherwise freeze and optimize, the TorchScript file in `blob`. Throws what libtorch throws.
    TorchModel(std::string_view blob, at::Device device, const ModelOptions& options);

    Result<std::vector<TensorView>> run(const std::vector<TensorView>& inputs) override;
    std::vector<std::int64_t> example_shape() const override { return example_shape_; }
    std::optional<double> precision_error() const override;

   private:
    using Values = std::vector<c10::IValue>;
    void prepare(torch::jit::Module& module, bool optimize);
    c10::IValue forward(const Values& inputs);
    void compare(const Values& inputs, const c10::IValue& result);
    void compare_on_example();

    torch::jit::Module module_;
    at::Device device_;
    std::optional<at::ScalarType> reduced_;  // what it computes in, when that is not what the file says
    int threads_;
    std::vector<bool> writes_input_;  // by position: the model changes this input in place
    std::vector<std::int64_t> example_shape_;

    // The model as the file says it, until the two have been compared.
    std::optional<torch::jit::Module> exact_;
    std::atomic<bool> to_compare_{false};
    std::atomic<double> error_{std::numeric_limits<double>::quiet_NaN()};
};

}  // namespace inferstep
