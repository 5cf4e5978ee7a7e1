// Plots of what one parameter does while all others stay: a line for each combination of the others.
#pragma once

#include <vector>

#include "report/plot_script.hpp"

namespace inferstep::report {

// For every parameter with several values other than x: the rate, or the time where there is no rate.
std::vector<Drawing> draw_sensitivity(const Figures& figures);

}  // namespace inferstep::report
