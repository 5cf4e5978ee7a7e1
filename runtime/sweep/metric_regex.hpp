// Metrics by a regular expression whose only group is the number.
#pragma once

#include <string>

#include "core/result.hpp"
#include "sweep/battery.hpp"
#include "sweep/metric_files.hpp"
#include "sweep/metric_scan.hpp"

namespace inferstep::sweep {

// Does the rule say what to look for, and if that is an expression, has it one group.
Status check_select(const MetricRule& rule);

// The number of every line that matches.
Status scan_regex(const MetricRule& rule, Lines& lines, const std::string& name, const Use& use);

// The longest text that every match of the expression must contain; empty where that is not sure.
std::string required_text(const std::string& expression);

}  // namespace inferstep::sweep
