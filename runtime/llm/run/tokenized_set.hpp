// The tokens of a run's prompts, kept for the next run: <output_dir>/tokenized/<checksum>.jsonl, a line with the list
// of tokens for each prompt. The checksum is of the prompts and the tokenizer: another of either is another set.
#pragma once

#include <string>
#include <vector>

#include "llm/run/stage_settings.hpp"
#include "llm/text/tokenizer.hpp"

namespace inferstep::llm {

class TokenizedSet {
   public:
    TokenizedSet(const StageSettings& settings, const Tokenizer& tokenizer, const std::vector<Prompt>& prompts);
    // False, and nothing changed: there is none, or not a whole one.
    bool read(std::vector<Prompt>& prompts) const;
    // By rank 0, for all. What cannot be written is not kept: the next run makes it again.
    void write(const std::vector<Prompt>& prompts) const;
    const std::string& path() const { return path_; }

   private:
    std::string folder_;
    std::string path_;
};

}  // namespace inferstep::llm
