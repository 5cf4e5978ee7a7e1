// `inferstep stage` from its settings to its records: reads the model's headers and the prompts, joins the ranks,
// agrees with them on the settings, loads this rank's layers, runs the pipeline, gathers the numbers, and leaves.
#pragma once

#include "core/result.hpp"
#include "llm/run/stage_settings.hpp"

namespace inferstep::llm {

// The exit code: 0, or 1 where --expect-identical found a difference. What was completed is in the output directory in
// every case. Error: one sentence that names the file, the setting, or the rank and its node.
Result<int> run_stage(const StageSettings& settings);

// A rank whose settings are wrong meets the others, who would wait for it, only to tell them why. At once in a step of
// one rank; else as soon as all have come, at the latest after --timeout's default.
void tell_ranks(const Error& why);

}  // namespace inferstep::llm
