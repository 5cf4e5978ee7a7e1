// The parts of the page, each as HTML; empty where there is nothing to show.
#pragma once

#include <string>

#include "report/html.hpp"
#include "report/plots.hpp"

namespace inferstep::report {

struct PageContent {
    const Collection& collection;
    const Figures& figures;
    const Plots& plots;
    PageFolder folder;
};

std::string page_style();
std::string page_script();
std::string verdict(const PageContent& page);  // what came out, in a few sentences
std::string scaling_table(const PageContent& page);
std::string resources_table(const PageContent& page);
std::string experiment_table(const PageContent& page);  // of a ready-made experiment, with its formulas
std::string stages_table(const PageContent& page);
std::string correctness(const PageContent& page);  // against a reference: what runs say, and texts side by side
std::string breakdown_table(const PageContent& page);
std::string metrics_table(const PageContent& page);
std::string profile_table(const PageContent& page);
std::string distributions(const PageContent& page);  // of every function a table and its plots
std::string figures_of(const PageContent& page, Plot::Section section, const std::string& subject = "");
std::string remarks(const PageContent& page);     // failures, outliers, notes, plots left out
std::string executions(const PageContent& page);  // of every row and execution: what it comes from

// "<a>" to an execution's place on the page; where a row's numbers come from.
std::string execution_link(const PageContent& page, std::size_t execution);
std::string row_anchor(std::size_t row);

std::string time_text(double seconds);  // "2026-11-21 20:15:02", UTC; "-" where it is not known

}  // namespace inferstep::report
