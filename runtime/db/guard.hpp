// The guard of a supervisor under Slurm: the process that the first task started, whose only work is to outlive it.
//
// slurmstepd does not look at the supervisor before the last task ends, and the tasks are the user's. So when it is
// killed, its guard tells, ends the step, records it and removes what it leaves. When the guard is killed the
// supervisor tells, by the pidfd that it holds. `inferstep run` is its supervisor's guard itself.
#pragma once

#include <optional>

#include "db/options.hpp"
#include "db/page_map.hpp"
#include "db/step_tasks.hpp"

namespace inferstep {

// Forks; to be called before there are threads. The supervisor goes on with the guard's pidfd in `guard` and without an
// exit code. The guard returns with its exit code once all is over; it looks at `life_fd` (the lifetime pipe) and reads
// nothing of it.
Result<std::optional<int>> fork_guarded(const DbOptions& options, Page& page, const StepTasks& tasks, int life_fd,
                                        UniqueFd& guard);

}  // namespace inferstep
