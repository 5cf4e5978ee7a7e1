// The kinds of tokenizers that Tokenizer::open() chooses from.
#pragma once

#include <memory>
#include <string>

#include "llm/text/tokenizer.hpp"

namespace inferstep::llm {

// SentencePiece's library, from a tokenizer.model or from the pieces of a GGUF file. `bos` goes in front of every text;
// -1: nothing does. Errors name the file, or begin with `name`.
Result<std::unique_ptr<Tokenizer>> pieces_of_file(const std::string& path, int bos);
Result<std::unique_ptr<Tokenizer>> pieces_of(const Vocabulary& vocabulary, int bos, const std::string& name);

// Byte-level BPE: pieces and merges of a GGUF file. Control and user-defined tokens are found in texts by their names.
Result<std::unique_ptr<Tokenizer>> bytes_of(const Vocabulary& vocabulary, int bos, const std::string& name);

}  // namespace inferstep::llm
