// The CPUs of a step, out of what Slurm says: it counts the cores of a node through, sockets first.
#pragma once

#include <string>
#include <vector>

#include "place/plan.hpp"

namespace inferstep {

// The CPUs of the cores in `cores` ("0-3,8", Slurm's numbers) that the databases and tasks of a step may use, also
// those on which no task runs. Where the tasks leave hardware threads of their cores idle (--hint=nomultithread,
// --threads-per-core), so do the databases. Empty, which means that only the task masks tell, where the text is none,
// names a core that the node has not, or does not fit the masks: then Slurm's configuration describes another machine.
CpuSet allocated_cpus(const Topology& topology, const std::string& cores, const std::vector<CpuSet>& tasks);

}  // namespace inferstep
