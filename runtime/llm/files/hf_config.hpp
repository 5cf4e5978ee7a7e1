// config.json of a Hugging Face directory.
#pragma once

#include <string>

#include "core/result.hpp"
#include "llm/files/shape.hpp"

namespace inferstep::llm {

// Error, in one sentence with the path: what is missing or makes no sense, or what this program does not compute
// (another architecture, scaled rotation, biases).
Result<Shape> read_config(const std::string& path);
Result<Shape> parse_config(std::string_view text, const std::string& path);

}  // namespace inferstep::llm
