// Processes that the tasks of a local step leave running: under Slurm the step's end kills them, here we do.
#pragma once

#include <sys/types.h>

#include "core/result.hpp"

namespace inferstep {

// From now on descendants whose parent ends become our children instead of vanishing from sight.
void adopt_orphans();

// Kill and reap every child but `spared`, and the children that this brings us, until none is left or two seconds have
// passed. Only for a process whose other children are all reaped.
void end_leftovers(pid_t spared);

}  // namespace inferstep
