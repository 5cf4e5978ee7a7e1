// The script of a point: one file of shell text through which it runs, whatever runs it, also by hand. It shows the
// exact commands and environment, and leaves its exit code and times in the file `end` as its last act.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "sweep/batch_settings.hpp"
#include "sweep/where.hpp"

namespace inferstep::sweep {

struct ScriptContext {
    Where where = Where::kLocal;
    std::string run;                          // directory of the run, absolute
    std::string program;                      // path of inferstep, absolute
    std::vector<std::string> step_nodes;      // kAllocation: where the step runs; empty: Slurm chooses
    std::vector<std::string> database_nodes;  // kAllocation: likewise of a standard database
    BatchSettings settings;
};

// The whole text, for bash. It can be given another directory for its results: `bash run.sh DIRECTORY`; one that holds
// an ended point is refused. Shell variables in it, for what others add: $point, the directory, and, where the point
// has a database, $step_nodes and $database_nodes, "node1,node2", empty where Slurm chooses. Error: what no shell or
// sbatch would read back as it was, or what cannot run there at all.
Result<std::string> point_script(const Battery& battery, const Point& point, const ScriptContext& context);

// The options of a point's step that a script for `where` leaves out, since only srun knows them.
std::vector<std::string> left_out(const Point& point, Where where);

}  // namespace inferstep::sweep
