// Summary of a sample of times.
#pragma once

#include <cstddef>
#include <vector>

namespace inferstep {

// The value below which `fraction` (0 … 1) of the sample lies, linearly interpolated; 0 for an empty sample.
double percentile(std::vector<double> sample, double fraction);
// The same, of a sample in ascending order that is not empty: linear interpolation, as numpy and pandas have it.
double percentile_of_sorted(const double* sorted, std::size_t count, double fraction);
double mean(const std::vector<double>& sample);

}  // namespace inferstep
