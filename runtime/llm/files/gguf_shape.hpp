// What the metadata of a GGUF file says of the model.
#pragma once

#include <string>

#include "llm/files/gguf_values.hpp"
#include "llm/files/model_files.hpp"

namespace inferstep::llm {

Result<Vocabulary> vocabulary_of(const GgufValues& values);
// `vocab`: rows of the embedding, for files that do not say it.
Result<Shape> shape_of(const GgufValues& values, const std::string& path, int vocab);

}  // namespace inferstep::llm
