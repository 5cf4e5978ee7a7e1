// Masks for tasks when no Slurm gave them any.
#pragma once

#include <vector>

#include "core/result.hpp"
#include "place/plan.hpp"

namespace inferstep {

// Split the CPUs of `mask` into `tasks` blocks of neighbouring cores, as equal as they can be; into blocks of hardware
// threads when there are more tasks than cores. Fails when there are more tasks than CPUs.
Result<std::vector<CpuSet>> split_into_blocks(const Topology& topology, const CpuSet& mask, int tasks);

}  // namespace inferstep
