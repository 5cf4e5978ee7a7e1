// The numbers of one run of `inferstep stage` that a sweep keeps and a report compares, by name.
#pragma once

#include <string>
#include <vector>

#include "sweep/collect.hpp"
#include "sweep/stage_record.hpp"

namespace inferstep::sweep {

// Those that the record has. `file` is where they stand, below the point's directory or wherever the caller counts
// from.
std::vector<Metric> stage_metrics(const StageRecord& record, const std::string& file);

}  // namespace inferstep::sweep
