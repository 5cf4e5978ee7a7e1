// The settings of `inferstep stage` from where they are given: option before environment before configuration files
// before default.
#pragma once

#include <map>
#include <string>

#include "llm/run/stage_settings.hpp"

namespace inferstep::llm {

// What was given on the command line: the name of the setting (its first option, "batch-size") to its text. The files
// themselves are "exp-config" and "ds-config"; "tensor-parallel-size" and "data-parallel-size" can only be 1.
using GivenOptions = std::map<std::string, std::string>;

// Configuration files that are not named are $EXPERIMENT_ROOT/exp_config.json and ds_config.json, or those of the
// current directory, where they are there. Errors name the option, the variable, or file, line and key.
Result<StageSettings> read_stage_settings(const GivenOptions& options);

// All settings with who gave each, a line each: "batch-size      4        BATCH_SIZE".
std::string settings_text(const StageSettings& settings);

}  // namespace inferstep::llm
