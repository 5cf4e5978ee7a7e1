// What the model holds of every position of the prompts, for comparisons with other programs: `inferstep stage
// --logits DIR`.
#pragma once

#include "core/result.hpp"
#include "llm/run/stage_settings.hpp"

namespace inferstep::llm {

// In this process, with the whole model, whatever the step has. For prompt N of the file, DIR/prompt_N.tokens.npy has
// its tokens (int32) and DIR/prompt_N.npy the logits that follow each of them (float32, tokens × vocabulary); the
// directory is made where it is missing. Error: as of load_prompts() and load_stage(), or the file that cannot be
// written.
Status write_logits(const StageSettings& settings);

}  // namespace inferstep::llm
