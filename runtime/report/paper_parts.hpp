// The parts of the paper, as Markdown.
#pragma once

#include <string>

#include "report/collection.hpp"
#include "report/figures.hpp"
#include "report/plots.hpp"

namespace inferstep::report {

// One experiment that was run.
struct PaperExperiment {
    std::string kind;
    std::string folder;  // of its report, relative to the paper
    Collection collection;
    Figures figures;
    std::vector<std::string> plots;  // stems that were drawn
};

// A text in which nothing means anything in Markdown.
std::string markdown(const std::string& text);

// What an experiment is called, "Strong scaling", and what it asks.
std::string title_of(const std::string& kind);
std::string question_of(const std::string& kind);

std::string results_table(const PaperExperiment& one);
std::string plots_of(const PaperExperiment& one);
std::string summary_of(const PaperExperiment& one);  // one sentence
std::string limits_of(const PaperExperiment& one);   // a list: what bounds each row, with the numbers
std::string correctness_of(const PaperExperiment& one);
std::string gaps_of(const PaperExperiment& one);  // a list: what failed or is not known

}  // namespace inferstep::report
