// Plots of one value of each row: lines over x with confidence intervals, or dots where there is one x.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "report/plot_script.hpp"

namespace inferstep::report {

// What is drawn. A row without the value is left out.
struct Curve {
    std::string stem, title, name, unit;
    std::string caption;                     // the first sentences
    std::function<Value(const Row&)> value;  // of a row
    enum class Ideal { kNone, kOne, kProportional } ideal = Ideal::kNone;
    std::function<double(const Row&)> ideal_from;  // with kProportional: x where the ideal is 1
    bool ratio = false;                            // powers of two where x is logarithmic
    Plot::Section section = Plot::Section::kScaling;
};

// A line of a plot: points in the order of x.
struct Line {
    std::string name;
    struct Point {
        double x;
        Value y;
        const Row* row;
    };
    std::vector<Point> points;
};

// One plot for each kMostSeries series. Empty: no row has the value.
std::vector<Drawing> draw_curve(const Figures& figures, const Curve& curve);

// Names at the left and dots with their intervals: x of a point is the place of its name. Lines without lines, so to
// say; a legend tells several apart.
Drawing draw_dots(const Curve& curve, const std::vector<Line>& lines, const std::vector<std::string>& names);

// Lines in a frame with the axes given; `extra` commands come before the plot, `ideal` is a grey line without points.
Drawing draw_lines(const Curve& curve, const std::vector<Line>& lines, const Axis& x, const Axis& y,
                   const std::vector<Line>& ideal);

// Every value and bound that is to be seen.
std::vector<double> all_values(const std::vector<Line>& lines);
std::vector<double> all_x(const std::vector<Line>& lines);

}  // namespace inferstep::report
