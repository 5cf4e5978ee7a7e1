// Taking up a run where it was left, however it was left: what its journal says, against what lies in its directories
// and what still runs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "sweep/journal.hpp"
#include "sweep/run.hpp"
#include "sweep/runner.hpp"

namespace inferstep::sweep {

// The points of a run, by index, and what is to happen to them.
struct Work {
    std::vector<std::size_t> todo;                     // in running order
    std::vector<std::size_t> running;                  // adopted by the runner
    std::vector<std::pair<std::size_t, Ended>> ended;  // meanwhile, and not in the journal yet
    std::vector<std::size_t> failed;                   // and not to be tried again
    std::vector<std::pair<std::size_t, double>> done;  // with their seconds
    std::map<std::size_t, int> attempt;                // the last that began
    bool prepared = false;
};

// A new run: everything is to be done.
Work all_work(std::size_t points);

// Error: what still runs cannot be taken over by this runner, or from this machine.
Result<Work> work_left(const std::string& run, const std::vector<Point>& points,
                       const std::vector<JournalEvent>& events, Where where, bool retry_failed, const std::string& job,
                       Runner& runner);

// Where a run goes on: as it was begun, unless the user says otherwise or its allocation is not ours any more.
Where resumed_where(Where recorded, const std::vector<Point>& points, const RunOptions& options);

}  // namespace inferstep::sweep
