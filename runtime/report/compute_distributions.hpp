// The distribution of each function's times in each row: all ranks and repeats together, with intervals over the
// repeats' own values.
#pragma once

#include "report/compute.hpp"

namespace inferstep::report {

constexpr std::size_t kQuantiles = 201;

void compute_distributions(const Collection& collection, Figures& figures);

const FunctionTimes* find_function(const Execution& execution, const std::string& name);  // null: it has none
// Times [begin, end) of one file, that is of one rank; a file may have several parts, one behind the other.
struct RankTimes {
    std::size_t file;
    const double* begin;
    const double* end;
};
std::vector<RankTimes> ranks_of(const FunctionTimes& times);

}  // namespace inferstep::report
