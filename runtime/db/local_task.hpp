// One task of a step without Slurm: a child process that waits for its place and becomes the user's program.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/fd.hpp"
#include "core/result.hpp"
#include "db/page_map.hpp"

namespace inferstep {

struct LocalTask {
    pid_t pid = -1;
    UniqueFd pidfd;       // readable when it has ended; empty once reaped
    int wait_status = 0;  // once reaped

    bool running() const { return static_cast<bool>(pidfd); }
    void reap();
    int exit_code() const;  // 128 + signal when a signal ended it
};

// Fork task `rank`. It waits until the page has left `starting`, then takes its mask and its database and executes
// `program` with `arguments`. It dies with the calling thread. Before any task is forked, signals must be taken
// (take_step_signals): the task unblocks them.
Result<LocalTask> fork_task(MappedPage& page, std::uint32_t rank, const std::string& program,
                            std::vector<std::string> arguments);

}  // namespace inferstep
