// CUDA_VISIBLE_DEVICES: which of the node's GPUs are the step's, and which of those a database is given.
#pragma once

#include <string>
#include <vector>

#include "place/plan.hpp"

namespace inferstep {

// Drop the GPUs that CUDA_VISIBLE_DEVICES hides from this step. Where it names GPUs otherwise than by number (UUIDs,
// MIG slices) each name is one GPU, in no known domain.
void keep_visible_gpus(Topology& topology);

// The value of CUDA_VISIBLE_DEVICES by which a program sees exactly `gpus` (Gpu::index, after keep_visible_gpus).
std::string cuda_visible_devices(const std::vector<int>& gpus);

}  // namespace inferstep
