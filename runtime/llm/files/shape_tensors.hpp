// The tensors that a Llama has, by the names that Hugging Face gives them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "llm/files/shape.hpp"

namespace inferstep::llm {

struct NamedShape {
    std::string name;
    std::vector<std::int64_t> shape;  // a norm has one number; only matrices may lie in blocks
};

inline constexpr const char* kEmbeddingName = "model.embed_tokens.weight";
inline constexpr const char* kHeadName = "lm_head.weight";

// A tied head is the embedding: it is there once, whichever end asks for it.
std::vector<NamedShape> tensors_of(const Shape& shape, const LayerRange& range);

// Every number of `shape` is one that the engine takes. `where` is the file that they are from.
Status check_shape(const Shape& shape, const std::string& where);

}  // namespace inferstep::llm
