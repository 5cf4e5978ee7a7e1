// Text to token ids and back: SentencePiece's own library for tokenizer.model and for the pieces in a GGUF file,
// byte-level BPE for GGUF's "gpt2" vocabularies. Thread-safe once made.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "llm/files/model_files.hpp"

namespace inferstep::llm {

class Tokenizer {
   public:
    // `path`: a tokenizer.model, or empty: the one of the model. Error: none there, or its size does not fit the model.
    static Result<std::unique_ptr<Tokenizer>> open(const ModelFiles& model, const std::string& path);
    virtual ~Tokenizer() = default;

    virtual int size() const = 0;
    virtual std::string identity() const = 0;  // a checksum: equal ones make equal tokens
    // With the beginning-of-sequence token in front where the model wants one.
    virtual Result<std::vector<int>> encode(std::string_view text) const = 0;
    virtual std::string decode(const std::vector<int>& ids) const = 0;  // control tokens give nothing
};

}  // namespace inferstep::llm
