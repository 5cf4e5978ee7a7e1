// From what was read to the figures of the report: pure arithmetic, but for a look into the files for the lines of the
// smallest and largest times. man/inferstep-report.1 has the formulas, in the order of the parts below.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "report/collection.hpp"
#include "report/figures.hpp"

namespace inferstep::report {

// What the user says about the meaning of the numbers. Empty: the hints of the first tree that has some; else it is
// found out, and Figures says in words how.
struct FigureOptions {
    std::string x;                                              // a parameter, or nodes, tasks, gpus
    std::vector<std::string> series;                            // parameters that make a line each
    std::string rate;                                           // a metric
    std::string time;                                           // a metric or a timed function
    std::vector<std::pair<std::string, std::string>> baseline;  // of the common baseline: x=1, strategy=ddp, …
};

// Words that fit nothing (an unknown x or baseline) become notes, and what is found out takes their place.
Figures compute(const Collection& collection, const FigureOptions& options);

// For the user's own words, before that: the error says that nothing has such a name, and which is the nearest. The
// hints of a tree may name what other trees lack.
Status check_names(const Collection& collection, const FigureOptions& options);

}  // namespace inferstep::report
