// The weights of a stage in the GPU's memory, what its layers need besides, and the order of their kernels.
#pragma once

#include <string>
#include <vector>

#include "llm/cuda/engine.hpp"
#include "llm/cuda/launch.hpp"
#include "llm/cuda/memory.hpp"

namespace inferstep::llm::cuda {

class DeviceMatrix {
   public:
    std::string upload(const PackedMatrix& matrix);
    const Weights& weights() const { return weights_; }
    std::size_t bytes() const { return numbers_.size() + scales_.size() + minima_.size(); }

   private:
    DeviceBuffer numbers_, scales_, minima_;
    Weights weights_;
};

struct Layer {
    DeviceMatrix qkv, attention_out, gate_up, down;
    DeviceBuffer attention_norm, ffn_norm;
    DeviceBuffer keys, values;
};

struct Model {
    EngineShape shape;
    DeviceMatrix embedding, head;
    bool head_is_embedding = false;
    DeviceBuffer final_norm, rope;
    std::vector<Layer> layers;

    // Everything a batch passes through. `rows` begins with max_rows Rows, behind them max_logit_rows indices.
    DeviceBuffer rows, hidden, wide, attended, logits, numbers, scales, sums;

    explicit Model(const EngineShape& with) : shape(with), layers(static_cast<std::size_t>(with.layers)) {}
    std::string create_buffers();
    const Weights& head_weights() const { return head_is_embedding ? embedding.weights() : head.weights(); }
    const int* picks() const;
    std::size_t rows_bytes() const;

    // hidden -> hidden and, where there is a head, logits; for the rows that lie in `rows`.
    void forward(cudaStream_t stream, int count, int logit_rows) const;
    std::size_t weight_bytes() const;
    std::size_t cache_bytes() const;

   private:
    void run_layer(cudaStream_t stream, const Layer& layer, int count) const;
    PackedRows packed() const;
    PackWork norm_of(const DeviceBuffer& weight) const;
};

}  // namespace inferstep::llm::cuda
