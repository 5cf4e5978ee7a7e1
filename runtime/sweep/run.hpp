// Running a battery: point after point, or several at once, until all have ended, whatever happens in between.
//
// Everything that happens is written to the run's journal before anybody relies on it, so that a run that was cut off
// anywhere is taken up again: points that are done stay, points that still run or wait in Slurm's queue are adopted,
// those that ended meanwhile are collected, and half-done ones run again, their directory kept as p0007.try1.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "sweep/batch_settings.hpp"
#include "sweep/battery.hpp"
#include "sweep/tree.hpp"
#include "sweep/where.hpp"

namespace inferstep::sweep {

struct RunOptions {
    std::optional<Where> where;         // empty: choose_where()
    int parallel = 0;                   // points at once, at most; 0: as many as fit
    std::optional<std::string> resume;  // the directory of the run to go on with; "": the newest of this battery
    bool retry_failed = false;          // with resume: points that failed run again, too
    BatchSettings settings;             // of the scripts; without `submit` they are written, and nothing runs
    std::string results = kResults;     // the folder of the runs, relative to the battery's
};

// Runs `points`, which are in running order. Progress goes to stderr, the run's directory to stdout. Returns the exit
// code: 0 all are done, 1 some failed or are left, 128 + signal after a signal. Error: nothing could be run, or nothing
// more, such as with a full disk.
Result<int> run_sweep(const Battery& battery, std::vector<Point> points, const RunOptions& options);

}  // namespace inferstep::sweep
