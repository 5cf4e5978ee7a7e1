// How much memory this node's part of the step may use, and whether the kernel killed for it (cgroup v1 and v2).
#pragma once

#include <cstdint>
#include <string>

namespace inferstep {

// The smaller of the machine's memory and the limits of our cgroup and of those above it, in bytes.
std::uint64_t memory_limit();

// How often the kernel killed a process of our step because its memory was used up; 0 where that cannot be seen.
std::uint64_t oom_kills();

// Our memory cgroup below the root of its hierarchy, "/slurm/uid_1/job_2/step_0/task_0"; empty where there is none.
std::string memory_cgroup();

}  // namespace inferstep
