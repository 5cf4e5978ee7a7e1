// The numbers that describe a Llama-architecture model. Plain values, checked by whoever reads them from a file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace inferstep::llm {

struct Shape {
    std::string name;  // of the model, for logs
    int vocab = 0;
    int hidden = 0;
    int ffn = 0;
    int layers = 0;
    int heads = 0;
    int kv_heads = 0;  // fewer than heads: grouped queries
    int head_dim = 0;
    int context = 0;  // tokens
    float rms_eps = 1e-6F;
    double rope_theta = 10000;
    bool tied_head = false;         // the head's weights are the embedding's
    bool rope_interleaved = false;  // the rows of q and k lie as GGUF files have them: 0, d/2, 1, d/2 + 1, …
    int bos = 1;
    std::vector<int> eos = {2};

    // Parameters of one layer, of the embedding, of the head (the same numbers when tied).
    std::int64_t layer_parameters() const {
        const std::int64_t h = hidden;
        const std::int64_t kv = static_cast<std::int64_t>(kv_heads) * head_dim;
        const std::int64_t q = static_cast<std::int64_t>(heads) * head_dim;
        return h * q * 2 + h * kv * 2 + 3 * h * ffn;
    }
    std::int64_t head_parameters() const { return static_cast<std::int64_t>(vocab) * hidden; }
};

// What of the model a stage has: layers first … last - 1, and the ends.
struct LayerRange {
    int first = 0;
    int last = 0;
    bool embedding = false;  // it begins with tokens
    bool head = false;       // it ends with the norm and the logits
};

}  // namespace inferstep::llm
