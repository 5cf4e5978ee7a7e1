// The tasks of this node's part of a step, held by pidfds that were opened before any of them could end: no stranger
// can be hit.
#pragma once

#include <vector>

#include "core/fd.hpp"
#include "core/page.hpp"
#include "core/step.hpp"

namespace inferstep {

class StepTasks {
   public:
    StepTasks() = default;  // of a server of its own: none
    explicit StepTasks(const Page& page);

    // The step has lost its databases: after a moment for what they say of it themselves the tasks get SIGTERM, those
    // of other nodes by way of Slurm. Bounded.
    void end(const StepIdentity& step) const;

   private:
    std::vector<UniqueFd> pidfds_;
};

}  // namespace inferstep
