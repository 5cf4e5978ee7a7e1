// Which of the node's GPUs are the step's, by what Slurm says in the environment, and how a database is told its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "place/plan.hpp"

namespace inferstep {

struct GpuWords {
    bool step = false;                   // this is a step of Slurm, which has no GPU unless somebody says so
    std::optional<std::string> visible;  // CUDA_VISIBLE_DEVICES
    std::optional<std::string> slurm;    // SLURM_STEP_GPUS
};
GpuWords gpu_words(bool step);  // of the environment

// Drop the GPUs that are not the step's. A step of tasks with GPUs of their own (--gpus-per-task) has all of them,
// though CUDA_VISIBLE_DEVICES has those of one task alone: there SLURM_STEP_GPUS counts, or the device cgroup, which
// lets us open no others. A GPU that is named (UUIDs, MIG slices) keeps its name; a slice is in no known domain.
void keep_step_gpus(Topology& topology, const GpuWords& words);

// The value of CUDA_VISIBLE_DEVICES by which a program sees exactly `gpus` (Gpu::index, after keep_step_gpus).
std::string cuda_visible_devices(const std::vector<int>& gpus);

}  // namespace inferstep
