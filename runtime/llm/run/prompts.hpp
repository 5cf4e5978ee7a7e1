// prompts.jsonl, one object a line: {"id": "2k_1", "variant": "2k", "prompt": "…", "token_budget": 2000}. Only `prompt`
// must be there; `token_budget` and other members have no effect.
#pragma once

#include <string>
#include <vector>

#include "llm/files/shape.hpp"
#include "llm/run/stage_settings.hpp"
#include "llm/text/tokenizer.hpp"

namespace inferstep::llm {

// The prompts of `variant` (empty: all), at most `limit` (0: all), without tokens. Errors name file and line:
// malformed, no prompt, no UTF-8, too long; or the file has none, and none of this variant.
Result<std::vector<Prompt>> read_prompts(const std::string& path, const std::string& variant, int limit);

// Gives each prompt its tokens. Error: the tokenizer's, or a prompt longer than the context, by file and line.
Status tokenize(const StageSettings& settings, const Shape& shape, const Tokenizer& tokenizer,
                std::vector<Prompt>& prompts);

// The prompts that the settings ask for with their tokens, each within the model's context. The tokens are taken from
// the set that an earlier run left, unless override_cache; whether they were is told by `from_cache`.
// Error: as read_prompts() and tokenize().
struct TokenizedPrompts {
    std::vector<Prompt> prompts;
    bool from_cache = false;
};
Result<TokenizedPrompts> load_prompts(const StageSettings& settings, const Shape& shape, const Tokenizer& tokenizer);

}  // namespace inferstep::llm
