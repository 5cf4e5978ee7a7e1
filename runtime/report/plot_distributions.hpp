// Plots of the times of one function: violins where there are many times, cumulative distributions where there are few.
#pragma once

#include <string>
#include <vector>

#include "report/plot_script.hpp"

namespace inferstep::report {

// One plot for each kMostSeries series that have the function.
std::vector<Drawing> draw_function(const Figures& figures, const std::string& function);

}  // namespace inferstep::report
