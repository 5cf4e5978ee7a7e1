// Axes of plots: their range, whether they are logarithmic, where the ticks stand and what is written at them.
// Everything is in the unit of the data; only the words are scaled ("1.5" at 0.0015 s, and "ms" in the label).
#pragma once

#include <string>
#include <vector>

namespace inferstep::report {

struct Tick {
    double at = 0;
    std::string text;
};

struct Axis {
    std::string label;  // "time (ms)"
    double low = 0, high = 1;
    bool log = false;
    std::vector<Tick> ticks;
};

// What a unit is shown as: 0.0015 "s" is 1.5 "ms".
struct ShownUnit {
    double factor = 1;
    std::string name;
};
ShownUnit shown_unit(const std::string& unit, double largest);

// For measured values; not known ones are ignored. Logarithmic where they span a factor of ten and none is below or at
// zero; otherwise from zero where `from_zero`.
Axis value_axis(const std::string& name, const std::string& unit, const std::vector<double>& values,
                bool from_zero = true);

// For speed-ups and other ratios beside a logarithmic axis: powers of two.
Axis ratio_axis(const std::string& name, const std::vector<double>& values);

// For the values of a parameter: ticks at these values. Logarithmic where they span a factor of four,
// or 30 if they are evenly spaced.
Axis parameter_axis(const std::string& name, std::vector<double> values);

// For things without an order by number: they stand at 0, 1, 2, … .
Axis category_axis(const std::string& name, const std::vector<std::string>& names);

}  // namespace inferstep::report
