// Completions beside those of a reference, such as --local-debug's: where they part, and how probable this model holds
// the reference's tokens.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "core/result.hpp"
#include "llm/run/stage_settings.hpp"
#include "llm/text/tokenizer.hpp"

namespace inferstep::llm {

struct Reference {
    std::string path;
    std::vector<Completion> completions;  // of the prompts in their order; those it does not have are without tokens
    std::vector<std::vector<int>> known;  // of each prompt the tokens to score; empty: no reference at all
};

// Error: the file cannot be read, has a prompt_index with another prompt's text, or has none of the prompts.
Result<Reference> read_reference(const std::string& path, const std::vector<Prompt>& prompts,
                                 const Tokenizer& tokenizer, int context);

// Of one prompt.
struct Difference {
    int prompt_index = 0;
    int position = -1;  // of the first generated token that differs, from 0; -1: none does
    int token = -1;     // there; -1: it has ended
    int reference_token = -1;
    int equal = 0;      // tokens alike, place by place
    int positions = 0;  // of the longer of the two
};
Difference compare_tokens(int prompt_index, const std::vector<int>& tokens, const std::vector<int>& reference);

struct Comparison {
    std::string reference;
    std::vector<Difference> differences;  // of each prompt that both have
    int missing = 0;                      // prompts that the reference has not, or without tokens
    double perplexity = 0;                // of the reference's tokens, by this run's model; 0: not known
    double reference_perplexity = 0;      // by the reference's own log-probabilities; 0: it has none

    int identical() const;
    double token_agreement() const;  // 0 … 1
};

// `scores`: of each prompt the sum of its known tokens' log-probabilities, by this model.
Comparison compare(const Reference& reference, const std::map<int, std::vector<int>>& tokens_by_index,
                   const std::vector<double>& scores);
Json comparison_json(const Comparison& comparison);
// A table of what differs, and the sums.
std::string comparison_text(const Json& comparison);

}  // namespace inferstep::llm
