// What Slurm's accounting says of a step.
#pragma once

#include <string>

#include "core/json.hpp"
#include "db/step_record.hpp"

namespace inferstep {

// The table of `sacct -P` for the whole job, once the step's line is final or some seconds have passed. Lines that
// start with # are ours: why there is no table, or that it is not final.
std::string sacct_text(const StepName& name);

// How Slurm measures memory and CPU time here, and whether the databases of `nodes` (an array of node records) are in
// its figures.
Json accounting_json(const StepName& name, const Json& nodes);

}  // namespace inferstep
