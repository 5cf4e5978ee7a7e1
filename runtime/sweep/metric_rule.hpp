// Reading one number by its rule from what a point left.
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "sweep/battery.hpp"
#include "sweep/collect.hpp"

namespace inferstep::sweep {

// Can the rule be followed at all: a regular expression with one group, a known way to reduce, a file below the point's
// directory. Known before the first point runs.
Status check_rule(const MetricRule& rule);

// The number and where it stands. Error: nothing was found, or what was found is no number; one sentence that names the
// rule, the file and the line.
Result<Metric> apply_rule(const MetricRule& rule, const std::string& directory);

// A finite number as programs print it, in no locale; blanks around it and a + are accepted. Error: what it is instead.
Result<double> parse_real(std::string_view text);

}  // namespace inferstep::sweep
