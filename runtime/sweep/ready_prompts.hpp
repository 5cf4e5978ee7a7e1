// Are there as many prompts as the points of an experiment are to have?
#pragma once

#include <string>
#include <vector>

#include "llm/run/stage_settings.hpp"

namespace inferstep::sweep {

// `more` are further options of `inferstep stage`, of which --prompts and --variant matter. A file that is not to be
// seen here is left to the runs. Error: it has fewer than `each` for every one of `stages`, or cannot be read.
Status check_prompts(const llm::StageSettings& settings, const std::vector<std::string>& more, long stages, long each);

}  // namespace inferstep::sweep
