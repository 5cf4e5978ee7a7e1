// Values with their 95 % confidence intervals, over repeats that are independent of each other.
#pragma once

#include <vector>

#include "report/figures.hpp"

namespace inferstep::report {

// Student's t: between -t and t lies the fraction `confidence` of the distribution with `freedom` degrees of freedom,
// which need not be a whole number.
double student_t(double confidence, double freedom);

// The mean of what is known of `values`, one of each execution, with its interval: mean ± t(n-1) · s / √n.
Value of_repeats(const std::vector<double>& values, const std::vector<std::size_t>& executions);

// above / below of two values with independent repeats, often not equally many: no repeat of one belongs to a repeat of
// the other, so that pairs would be arbitrary. The delta method instead: the squares of the relative standard errors
// add up, with Welch and Satterthwaite's degrees of freedom. Unknown where `below` is 0; no interval where one has
// none.
Value ratio(const Value& above, const Value& below);

Value scaled(Value value, double factor);  // factor > 0
double half_width(const Value& value);     // of the interval; unknown without one

}  // namespace inferstep::report
