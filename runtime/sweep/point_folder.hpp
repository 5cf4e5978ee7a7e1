// The directory of a point, before its script begins and after it has ended.
#pragma once

#include <optional>
#include <string>

#include "core/fd.hpp"
#include "core/result.hpp"
#include "sweep/tree.hpp"

namespace inferstep::sweep {

// Makes the directory for the next attempt; what an earlier one left there is kept as p0007.try1, p0007.try2, …
Status make_point_folder(const std::string& run, const std::string& id);

// The file `end`; nothing while it is not whole: it is empty for a moment, and stays cut off after a crash or on a full
// disk.
struct EndFile {
    int exit_code = 0;
    double begin = 0, end = 0;
};
std::optional<EndFile> read_end(const std::string& point);

// srun's line about a node that failed under the step: it may end with exit code 0 then. Empty: there is none.
std::string node_failure(const std::string& point);

// The exit code of a script that was told to end: whatever made it end, it was not the point.
inline bool was_told_to_end(int code) { return code == 128 + 1 || code == 128 + 2 || code == 128 + 15; }

// Why a point failed: "exit code 3", and what it said last.
std::string why_of(const std::string& point, int exit_code);

// Whose script runs in the directory: the leader of its session. 0: nobody's, that can be seen from here.
pid_t find_script(const std::string& point);
// Does the script run, here or on another machine?
bool script_runs(const std::string& point);

// No room for another byte below `path`?
bool disk_is_full(const std::string& path);

}  // namespace inferstep::sweep
