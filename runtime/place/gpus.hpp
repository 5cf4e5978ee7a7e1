// The NVIDIA GPUs in a loaded hwloc topology. Part of load_topology().
#pragma once

#include <hwloc.h>

#include <vector>

#include "place/plan.hpp"

namespace inferstep {

// In the order of their PCI addresses, which is how CUDA counts equal GPUs. On this machine only those count that this
// process may open: a container or the step's device cgroup hides the others from CUDA too. CUDA_VISIBLE_DEVICES is not
// looked at: whoever starts the database chooses with it. Fills in topology.gpus and hidden_gpus.
void find_gpus(hwloc_topology_t loaded, Topology& topology);

}  // namespace inferstep
