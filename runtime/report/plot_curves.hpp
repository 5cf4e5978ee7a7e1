// The plots of one value over x that a report has, and what each is called.
#pragma once

#include <string>
#include <vector>

#include "report/plot_script.hpp"

namespace inferstep::report {

// Time, rate, speed-up, efficiencies, resources and the further metrics. Values that nobody measured are said.
std::vector<Drawing> draw_curves(const Figures& figures, std::vector<std::string>& left_out);

}  // namespace inferstep::report
