// The density of a sample that is known by its quantiles: the outline of a violin.
#pragma once

#include <vector>

#include "report/figures.hpp"

namespace inferstep::report {

struct Density {
    double at = 0;
    double height = 0;  // the highest is 1
};

// From the smallest to the largest value: a kernel density with Silverman's bandwidth, of the values' logarithms where
// `log`. Empty where all values are the same.
std::vector<Density> density(const Distribution& sample, bool log);

}  // namespace inferstep::report
