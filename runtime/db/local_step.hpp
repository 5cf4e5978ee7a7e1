// A step on this machine without Slurm: the same page, pipe, supervisor and environment as under the plugin.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "db/options.hpp"

namespace inferstep {

struct LocalStep {
    DbOptions database;  // instances == 0: no database
    int tasks = 1;
    std::vector<std::string> command;  // the program and its arguments
};

// Start `tasks` copies of the program, wait for them, end the databases, merge the records. SIGINT, SIGTERM and SIGHUP
// are passed on to the tasks; a second SIGINT kills them. Standard input is the first task's. What the tasks leave
// running is killed when the last of them has ended, and nothing outlives this process when it is killed itself.
// Returns the highest exit code of a task (128 + signal), or 1 when the databases did not become ready. Error: the
// program cannot be found or the step not be set up; no task has run.
Result<int> run_local_step(const LocalStep& step);

}  // namespace inferstep
