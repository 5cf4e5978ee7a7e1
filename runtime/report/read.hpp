// Reading what `inferstep report` is pointed at: trees of inferstep sweep, step records of inferstep client,
// SmartSim-Scaling's sessions and itwinai's CSVs, recognized by what is in them. man/inferstep-report.1 says what is
// looked for and what is left out. Whatever can be used is used; what cannot is said in a Note that names file and
// line.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "report/collection.hpp"

namespace inferstep::report {

struct ReadOptions {
    bool compare = false;              // trees side by side; else all are one, and equal points are repeats
    std::vector<std::string> run_ids;  // names of directories: only what lies in them; empty: everything
    bool include_warmups = false;      // warm-ups count as repeats
    bool separate = false;             // trees stay apart, also one alone
};

// Error: nothing to read there, a tree of another schema version, a file that is not what its name says, no data.
Result<Collection> read_trees(const std::vector<std::string>& paths, const ReadOptions& options);

// Where the time with this index of `times.seconds` stands. Looks into the file; line 0 when that has changed since.
Source locate(const Execution& execution, const FunctionTimes& times, std::size_t index);

}  // namespace inferstep::report
