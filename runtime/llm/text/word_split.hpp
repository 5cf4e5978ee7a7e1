// How a text is cut into words before byte-pair encoding: patterns applied one after the other, each to what the one
// before left, where both what a pattern matches and what lies between become pieces.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace inferstep::llm {

class WordSplit {
   public:
    // By the name that GGUF files have it (tokenizer.ggml.pre): "gpt-2", "smollm", "llama-bpe", "default", and others
    // that cut as one of these. Error: a name that is not known.
    static Result<WordSplit> create(const std::string& name);
    WordSplit(WordSplit&&) noexcept;
    WordSplit& operator=(WordSplit&&) noexcept;
    ~WordSplit();

    // Views into `text`, which is valid UTF-8. Error: a text that the patterns need too much memory for.
    Result<std::vector<std::string_view>> words(std::string_view text) const;
    // A word that is a token by itself is not put together out of its parts.
    bool whole_words() const;

   private:
    struct State;
    explicit WordSplit(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace inferstep::llm
