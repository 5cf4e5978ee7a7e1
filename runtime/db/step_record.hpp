// Completing the record directory of a step once it has ended.
#pragma once

#include <string>

#include "core/result.hpp"

namespace inferstep {

struct StepName {
    std::string job;  // "1234", or "local"
    std::string step;
    int restart = 0;
    std::string directory;  // of its records
};

// Merge the nodes' step_<node>.json into step.json and remove them; write sacct_<job>.txt. Both can be done again: what
// is merged already stays. Waits, bounded, for the step's accounting record to be final; where Slurm's accounting does
// not answer the file says why, which is no error. A part of another schema is named and stays. Error: `directory`
// cannot be read or written, or the step.json there is not ours to extend.
Status complete_step_record(const StepName& name);

}  // namespace inferstep
