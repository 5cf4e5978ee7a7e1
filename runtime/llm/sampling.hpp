// The next token out of logits. Random numbers depend on the seed, the prompt's index and the position alone, so that
// neither batch nor stages change what is drawn.
#pragma once

#include <cstdint>

namespace inferstep::llm {

struct SamplingOptions {
    double temperature = 0;  // 0: the largest logit, the smallest id among equals
    double top_p = 1;
    std::uint64_t seed = 42;
};

struct Sample {
    int token = 0;
    double log_probability = 0;  // of the token, at temperature 1
};
Sample sample(const float* logits, int vocab, const SamplingOptions& options, std::uint64_t prompt, int position);
double log_probability(const float* logits, int vocab, int token);

}  // namespace inferstep::llm
