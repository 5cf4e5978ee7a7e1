// The next token out of logits. Random numbers depend on the seed, the prompt's index and the position alone, so that
// neither batch nor stages change what is drawn.
#pragma once

#include <cstdint>

namespace inferstep::llm {

struct SamplingOptions {
    double temperature = 0;  // 0: the largest logit, the smallest id among equals
    double top_p = 1;        // the likeliest tokens that have this share together, at that temperature
    std::uint64_t seed = 42;
};

struct Sample {
    int token = 0;
    double log_probability = 0;  // of the token, at temperature 1
};
Sample sample(const float* logits, int vocab, const SamplingOptions& options, std::uint64_t prompt, int position);
double log_probability(const float* logits, int vocab, int token);

// In 0 … 1, without 1: the number that sample() draws with.
double random_number(std::uint64_t seed, std::uint64_t prompt, int position);

// How likely a model holds a text that is given.
struct Score {
    double log_probability = 0;  // natural, summed over the tokens
    int tokens = 0;

    // `logits`: `rows` rows of `vocab`; row r is asked for tokens[r], the token that follows its position.
    void add(const float* logits, int vocab, const int* next_tokens, int rows);
    double perplexity() const;  // 1 of no tokens
};

}  // namespace inferstep::llm
