// How much memory this node's part of the step may use and has used, and whether the kernel killed for it (cgroup v1,
// v2 and both at once).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace inferstep {

// Where the kernel shows cgroups; a test names a recorded tree.
struct CgroupFiles {
    std::string self = "/proc/self/cgroup";
    std::string mount = "/sys/fs/cgroup";
};

// The smaller of the machine's memory and the limits of our cgroup and of those above it, in bytes.
std::uint64_t memory_limit(const CgroupFiles& files = {});

// How much may be swapped out, by the same cgroups. Nothing: no limit, or it cannot be seen.
std::optional<std::uint64_t> swap_limit(const CgroupFiles& files = {});

// The most memory that the cgroup of the whole step on this node has held, files' pages included. Nothing: it cannot be
// seen (cgroup v2 before Linux 5.19), or the step has no cgroup of its own.
std::optional<std::uint64_t> memory_peak(const CgroupFiles& files = {});

// How often the kernel killed a process of our step because its memory was used up; 0 where that cannot be seen.
std::uint64_t oom_kills(const CgroupFiles& files = {});

// Our memory cgroup below the root of its hierarchy, "/slurm/uid_1/job_2/step_0/task_0"; "/" when we see no more of it,
// empty where there is none.
std::string memory_cgroup(const CgroupFiles& files = {});

}  // namespace inferstep
