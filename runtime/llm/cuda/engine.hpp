// What libinferstep_cuda.so does for the program that opens it: plain values and memory, no files, no models' names.
//
// Functions return an empty text, or one sentence on what went wrong. Not thread-safe: one thread uses an engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "llm/cuda/layout.hpp"

namespace inferstep::llm::cuda {

struct EngineShape {
    int hidden = 0;
    int ffn = 0;
    int heads = 0;
    int kv_heads = 0;
    int head_dim = 0;  // even, at most 256
    int vocab = 0;
    float rms_eps = 0;
    int layers = 0;  // of this stage
    bool embedding = false;
    bool head = false;
    int slots = 0;
    int context = 0;
    int max_rows = 0;
    int max_logit_rows = 0;
};

enum class Part : int { kEmbedding, kHead, kQkv, kAttentionOut, kGateUp, kDown };
enum class Norm : int { kAttention, kFfn, kFinal };

// In host memory, as layout.hpp has it.
struct PackedMatrix {
    Kind kind = Kind::kBf16;
    int rows = 0;
    int columns = 0;
    const void* weights = nullptr;          // weight_bytes()
    const std::uint16_t* scales = nullptr;  // scale_count(), not bf16
    const std::uint16_t* minima = nullptr;  // likewise, kInt4Min
};

// One row of a batch: a token at a position of a sequence. slot -1: no row, which fills a graph's batch up.
struct Row {
    int slot = -1;
    int position = 0;
    int token = 0;
};

class Engine {
   public:
    virtual ~Engine() = default;
    // The embedding and the head, if they are one matrix, are set once, as kEmbedding, with `also_head`.
    virtual std::string set_matrix(Part part, int layer, const PackedMatrix& matrix, bool also_head) = 0;
    virtual std::string set_norm(Norm norm, int layer, const float* weight) = 0;
    virtual std::string set_rope(const float* table) = 0;  // context × head_dim: cosines, then sines, of a position
    virtual std::string ready() = 0;                       // all is set

    // `logits` rows of the batch (indices that grow) get logits. Behind what is on the stream, and done on return: what
    // another rank may keep waiting is waited for by its link, which can be aborted.
    virtual std::string forward(const Row* rows, int count, const int* logit_rows, int logits) = 0;
    virtual float* hidden() = 0;        // in the GPU's memory: input and output
    virtual const float* logits() = 0;  // in pinned host memory
    // Between hidden() and host memory.
    virtual std::string copy_out(void* host, std::size_t bytes) = 0;
    virtual std::string copy_in(const void* host, std::size_t bytes) = 0;
    virtual void* stream() = 0;
    virtual std::size_t weight_bytes() const = 0;
    virtual std::size_t cache_bytes() const = 0;
};

// The symbols of the library.
using EngineEntry = Engine* (*)(int gpu, const EngineShape& shape, std::string* problem);
using BandwidthEntry = double (*)(int gpu, std::string* problem);
using VersionEntry = const char* (*)();
constexpr const char* kEngineSymbol = "inferstep_cuda_engine";
constexpr const char* kBandwidthSymbol = "inferstep_cuda_read_bandwidth";
constexpr const char* kVersionSymbol = "inferstep_cuda_version";

}  // namespace inferstep::llm::cuda
