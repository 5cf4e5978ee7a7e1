// What a plot is made of before gnuplot has run: commands and data. All plots look alike: a light background, axes left
// and below, the name of the vertical axis above it, the legend below, colours that colour-blind people can tell apart.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/plot_axis.hpp"
#include "report/plots.hpp"

namespace inferstep::report {

struct Drawing {
    Plot plot;
    std::string commands;  // <stem>.gp
    std::string data;      // <stem>.dat
};

// Pixels of a plot that stands beside another one on a page, and of one that needs the whole width.
constexpr int kNarrow = 560;
constexpr int kWide = 1140;

// Where the axes stand, in pixels from the edges.
struct Frame {
    int width = kNarrow, height = 380;
    int left = 66, right = 22, top = 66, bottom = 56;
};

// How a series looks: distinct for the first fourteen.
struct Look {
    const char* colour;
    int point;  // gnuplot's number of it
    int dash;
};
Look look_of(std::size_t series);

constexpr const char* kText = "#222222";
constexpr const char* kGrey = "#6b6b6b";
constexpr const char* kGrid = "#e4e4e4";
constexpr std::size_t kMostSeries = 12;  // in one plot

struct LegendEntry {
    std::string name;
    Look look;
    enum class Mark { kLine, kLinePoint, kPoint, kBox } mark = Mark::kLinePoint;
};
// The legend below the axes; adds its height to the frame.
std::string legend(Frame& frame, const std::vector<LegendEntry>& entries);

// About how wide a clean text is, rather too much than too little: which fonts there are is gnuplot's to know.
double text_pixels(std::string_view text);
int left_margin(const std::vector<std::string>& names);  // for names at the left of the axes

// A text as gnuplot reads it, whatever is in it: nothing is special in single quotes, and no text has one.
std::string quoted(const std::string& text);

// Margins, border and title. After the legend, which makes the frame higher.
std::string frame_commands(const Frame& frame, const std::string& title);

// "set xrange…" and ticks: `which` is x or y. Lines across the plot at the ticks where `grid`.
std::string axis_commands(char which, const Axis& axis, bool grid);
// The axis' name: centred below, or above at the left.
std::string axis_label(char which, const Axis& axis, const Frame& frame);

// Frame, legend and two axes of numbers with their names; lines across at the ticks of `up`.
std::string plane_commands(const Frame& frame, const std::string& title, const std::string& legend, const Axis& across,
                           const Axis& up);

// A number in a data file: as exact as it is, NaN where it is not known.
std::string exact(double value);

// "screen x, y" of pixels from the upper left corner.
std::string at_pixel(const Frame& frame, double x, double y);

Drawing drawing(const Frame& frame, const std::string& stem, const std::string& title, const std::string& kind);

// A word for a file's name, out of any name: lower-case letters, digits and hyphens.
std::string file_word(const std::string& name);

// "3 repeats", "1 to 3 repeats": of the rows.
std::string repeats_words(const std::vector<const Row*>& rows);

}  // namespace inferstep::report
