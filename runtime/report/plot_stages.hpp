// Plots of runs of `inferstep stage`: the experiment's own figures, where each stage's time went, and its computing and
// bubble over x.
#pragma once

#include <vector>

#include "report/plot_script.hpp"

namespace inferstep::report {

std::vector<Drawing> draw_experiment(const Figures& figures);
std::vector<Drawing> draw_stages(const Figures& figures);

}  // namespace inferstep::report
