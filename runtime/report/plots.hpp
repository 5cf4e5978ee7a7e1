// The plots of a report, drawn by one gnuplot: SVG and PNG of each, and what gnuplot was given, so that they can be
// changed and drawn again by hand (`gnuplot plots.gp` in the folder of the plots).
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "report/figures.hpp"

namespace inferstep::report {

struct Plot {
    std::string stem;  // plots/<stem>.svg, .png, .gp, .dat
    std::string title;
    std::string caption;  // what is to be seen, and of how many measurements
    std::string kind;     // "lines", "dots", "bars", "violin", "cdf"
    enum class Section {
        kScaling,
        kExperiment,
        kStages,
        kParts,
        kResources,
        kMetrics,
        kTimes
    } section = Section::kScaling;
    std::string subject;  // the function, of a distribution
    int width = 0, height = 0;
    std::string svg;  // the drawing as an element for a page
};

struct Plots {
    std::vector<Plot> drawn;
    std::vector<std::string> left_out;  // and why: sentences
    std::vector<std::string> troubles;  // those of them that are no matter of the data: gnuplot is missing or complains
};

// Draws what the figures hold into `directory`/plots. A plot without data is left out and said, and so are all where
// gnuplot is missing. Error: the folder cannot be written.
Result<Plots> write_plots(const Figures& figures, const std::string& directory);

}  // namespace inferstep::report
