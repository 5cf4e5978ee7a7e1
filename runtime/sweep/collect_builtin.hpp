// Metrics that need no rule: what `inferstep client` and the databases of a step summed up themselves.
#pragma once

#include <string>
#include <vector>

#include "sweep/collect.hpp"

namespace inferstep::sweep {

// From summary.json and step.json below the records of the point; of several, the last step's that left one. A file
// that cannot be read, or is of another schema, gives none.
std::vector<Metric> builtin_metrics(const std::string& directory);

}  // namespace inferstep::sweep
