// Processes that a step leaves running. Under Slurm the step's end kills them, where it knows them; here we do.
#pragma once

#include <sys/types.h>

#include "core/result.hpp"

namespace inferstep {

// From now on descendants whose parent ends become our children instead of vanishing from sight.
void adopt_orphans();

// Kill and reap every child but `spared`, and the children that this brings us, until none is left or two seconds have
// passed. Only for a process whose other children are all reaped.
void end_leftovers(pid_t spared);

// Kill the supervisor `pid`, which did not end with its step, and wait for it. Any other process is left alone.
void end_supervisor(pid_t pid);

}  // namespace inferstep
