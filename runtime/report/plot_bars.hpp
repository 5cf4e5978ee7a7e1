// Plots of horizontal bars: where the time went, and what a change brought.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "report/plot_script.hpp"

namespace inferstep::report {

// Stacked fractions of the wall-clock time, a bar for each row that has them.
std::vector<Drawing> draw_breakdown(const Figures& figures);

// Change of the rate (or the time, where there is no rate) of every series against the common baseline's series at the
// same x, in percent.
std::vector<Drawing> draw_changes(const Figures& figures);

// --- What both are made of

constexpr double kBarThickness = 0.36;  // half of a bar's, in units of the distance from bar to bar

struct Bar {
    const Row* row = nullptr;
    std::string name;                     // "ddp, nodes 4"
    Value value;                          // of bars that have one
    const StageFigures* stage = nullptr;  // of bars that are a stage's
};

// A frame as high as its bars need and as wide as their names need, and the axis with the names.
Frame bar_frame(const std::vector<Bar>& bars, Axis& names);

// `draw` of a few bars, a stem and a title, for as many plots as the bars need.
using DrawBars = std::function<Drawing(const std::vector<Bar>&, const std::string&, const std::string&)>;
std::vector<Drawing> in_parts(const std::vector<Bar>& bars, const std::string& stem, const std::string& title,
                              const DrawBars& draw);

// Bars that are stacked of parts, of which each has a block in the data file.
struct StackPart {
    const char* name;
    Look look;
};
std::string stack_legend(Frame& frame, const std::vector<StackPart>& parts);
// A line of a block: middle, row, from, to, lower and upper edge.
std::string stack_line(double row, double from, double to);
std::string stack_data(const std::vector<StackPart>& parts, const std::vector<std::string>& blocks);
// The commands that draw them: the last ones.
std::string stack_plot(const std::vector<StackPart>& parts, const std::string& stem);

std::vector<const Row*> rows_of(const std::vector<Bar>& bars);

}  // namespace inferstep::report
