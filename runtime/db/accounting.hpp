// How much of what a step used was its databases', and whether Slurm's figures contain them.
#pragma once

#include <optional>

#include "core/json.hpp"
#include "db/sacct.hpp"

namespace inferstep {

// `nodes` is an array of node records, `usage` the step's line of sacct, if it is known. What cannot be known is
// absent.
Json accounting_json(const StepName& name, const Json& nodes, const Gatherer& gatherer,
                     const std::optional<StepUsage>& usage);

}  // namespace inferstep
