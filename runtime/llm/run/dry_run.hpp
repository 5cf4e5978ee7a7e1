// What `inferstep stage --dry-run` prints: the settings with who gave each, the stages with their memory, and the
// prompts with their tokens. Reads the model's headers, the tokenizer and the prompts, and writes nothing.
#pragma once

#include <string>

#include "core/result.hpp"
#include "llm/run/stage_settings.hpp"

namespace inferstep::llm {

// Text for people, or JSON (settings.json). `ranks`: the stages where nothing else says how many.
Result<std::string> dry_run_text(const StageSettings& settings, int ranks);

}  // namespace inferstep::llm
