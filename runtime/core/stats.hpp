// Summary of a sample of times.
#pragma once

#include <vector>

namespace inferstep {

// The value below which `fraction` (0 … 1) of the sample lies, linearly interpolated; 0 for an empty sample.
double percentile(std::vector<double> sample, double fraction);
double mean(const std::vector<double>& sample);

}  // namespace inferstep
