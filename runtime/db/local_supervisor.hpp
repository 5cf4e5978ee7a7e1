// The supervisor of a step without Slurm: `inferstep db serve` as a child of `inferstep run`.
#pragma once

#include <sys/types.h>

#include "core/fd.hpp"
#include "core/result.hpp"
#include "db/options.hpp"
#include "db/page_map.hpp"

namespace inferstep {

class LocalSupervisor {
   public:
    // Start it with the page, once the tasks are noted there. It ends when this object or this process does.
    static Result<LocalSupervisor> start(const DbOptions& options, const MappedPage& page);

    pid_t pid() const { return pid_; }
    int pidfd() const { return pidfd_.get(); }  // readable when it has ended; -1 once reaped
    bool running() const { return static_cast<bool>(pidfd_); }

    // Only when pidfd() is readable: its wait status.
    int reap();

    // Let it end the databases and wait for it, bounded. Its wait status.
    int end();

   private:
    LocalSupervisor() = default;
    pid_t pid_ = -1;
    UniqueFd pidfd_;
    UniqueFd life_;  // the write end of the lifetime pipe
};

}  // namespace inferstep
