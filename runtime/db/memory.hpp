// How much memory this node's part of the step may use, and whether the kernel killed for it (cgroup v1 and v2).
#pragma once

#include <cstdint>

namespace inferstep {

// The smaller of the machine's memory and the limits of our cgroup and of those above it, in bytes.
std::uint64_t memory_limit();

// How often the kernel killed a process of our cgroup because its memory was used up; 0 where that cannot be seen.
std::uint64_t oom_kills();

}  // namespace inferstep
