// The parts of the report's text. Each ends with a newline, and is empty where there is nothing to show.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "core/stats.hpp"
#include "report/collection.hpp"
#include "report/figures.hpp"
#include "report/text_table.hpp"

namespace inferstep::report {

// The median of what is known: what a unit should suit.
template <typename Of>
double typical(const Figures& figures, Of of) {
    std::vector<double> values;
    for (const Row& row : figures.rows) {
        if (const double v = of(row); std::isfinite(v)) {
            values.push_back(v);
        }
    }
    return percentile(std::move(values), 0.5);
}

std::string scaling_text(const Figures& figures);
std::string experiment_text(const Figures& figures);
std::string stages_text(const Figures& figures);
std::string correctness_words(const Collection& collection, const Row& row);  // of one row; empty: not compared
std::string correctness_text(const Figures& figures, const Collection& collection);
std::string resources_text(const Figures& figures);
std::string breakdown_text(const Figures& figures);
std::string databases_text(const Figures& figures);
std::string metrics_text(const Figures& figures);
std::string distributions_text(const Figures& figures);
std::string profile_text(const Figures& figures);
std::string slowest_text(const Figures& figures, const Collection& collection);
std::string remarks_text(const Figures& figures, const Collection& collection);  // outliers, failures, notes

// A table whose rows are those of the figures: the series, where there is more than one, and x.
TextTable table_of_rows(const Figures& figures);
std::vector<std::string> keys_of(const Figures& figures, const Row& row);
std::string series_label(const Figures& figures, const Series& series);  // short enough for a table

// "12.34±0.56", "12.34", "-": in units of `size`.
std::string cell(const Value& value, double size = 1);
std::string percent(const Value& fraction);

}  // namespace inferstep::report
