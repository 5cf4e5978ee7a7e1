// An AOTInductor package (.pt2) behind the interface Model: native code, opened with the dynamic linker.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/inductor/aoti_runner/model_container_runner.h>

#include <memory>
#include <string_view>
#include <vector>

#include "inferdb/backend.hpp"

namespace inferstep {

class PackageModel final : public Model {
   public:
    // Only code compiled with checks of its inputs is taken. Throws what libtorch throws, and std::runtime_error.
    PackageModel(std::string_view blob, at::Device device, const ModelOptions& options);

    Result<std::vector<TensorView>> run(const std::vector<TensorView>& inputs) override;
    std::vector<std::int64_t> example_shape() const override { return example_shape_; }
    std::optional<double> precision_error() const override { return error_; }
    BatchRange batch_range() const override { return batch_; }

   private:
    void read_description(const std::string& text);
    void check(const std::vector<TensorView>& inputs) const;

    std::unique_ptr<torch::inductor::AOTIModelContainerRunner> runner_;
    at::Device device_;
    int threads_;
    bool described_ = false;  // by our export tool: one input, which the model does not change
    BatchRange batch_{1, 1};
    std::vector<std::int64_t> example_shape_;
    std::optional<double> error_;
};

}  // namespace inferstep
