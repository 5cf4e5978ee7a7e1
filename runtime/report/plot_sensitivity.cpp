#include "report/plot_sensitivity.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "report/plot_lines.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

std::string value_of(const Parameters& parameters, const std::string& name) {
    const auto found =
        std::find_if(parameters.begin(), parameters.end(), [&](const auto& p) { return p.first == name; });
    return found == parameters.end() ? "" : found->second;
}

// Parameters that have several values, in the order of their first appearance, and these values.
std::vector<std::pair<std::string, std::vector<std::string>>> varied(const Figures& figures) {
    std::vector<std::pair<std::string, std::vector<std::string>>> all;
    for (const Series& series : figures.series) {
        for (const auto& [name, value] : series.parameters) {
            auto found = std::find_if(all.begin(), all.end(), [&n = name](const auto& one) { return one.first == n; });
            if (found == all.end()) {
                found = all.insert(all.end(), {name, {}});
            }
            if (std::find(found->second.begin(), found->second.end(), value) == found->second.end()) {
                found->second.push_back(value);
            }
        }
    }
    std::erase_if(all, [&](const auto& one) { return one.second.size() < 2 || one.first == figures.x_name; });
    return all;
}

// Numbers where all values are numbers; else their places.
struct Places {
    bool numbers = true;
    std::map<std::string, double> at;
};
Places places_of(const std::vector<std::string>& values) {
    Places places;
    for (const std::string& value : values) {
        char* end = nullptr;
        const double number = std::strtod(value.c_str(), &end);
        places.numbers = places.numbers && !value.empty() && *end == '\0' && std::isfinite(number);
        places.at[value] = number;
    }
    for (std::size_t i = 0; i < values.size() && !places.numbers; ++i) {
        places.at[values[i]] = static_cast<double>(i);
    }
    return places;
}

// The values of everything but `name`, in words: what a line stands for.
std::string others(const Figures& figures, const Row& row, const std::string& name, bool several_trees) {
    const Series& series = figures.series[row.series];
    std::string words;
    const auto add = [&](const std::string& text) { words += (words.empty() ? "" : ", ") + text; };
    if (several_trees) {
        add(fmt::format("tree {}", series.tree + 1));
    }
    for (const auto& [key, value] : series.parameters) {
        if (key != name) {
            add(fmt::format("{} {}", key, value));
        }
    }
    if (std::isfinite(row.x)) {
        add(fmt::format("{} {}", figures.x_name, row.x));
    }
    return words;
}

std::vector<Line> lines_of(const Figures& figures, const std::string& name, const Places& places, const Curve& curve) {
    const bool several_trees = std::any_of(figures.series.begin(), figures.series.end(), [&](const Series& series) {
        return series.tree != figures.series.front().tree;
    });
    std::vector<Line> lines;
    for (const Row& row : figures.rows) {
        const Value value = curve.value(row);
        const auto at = places.at.find(value_of(figures.series[row.series].parameters, name));
        if (!std::isfinite(value.value) || at == places.at.end()) {
            continue;
        }
        const std::string words = others(figures, row, name, several_trees);
        auto line = std::find_if(lines.begin(), lines.end(), [&](const Line& one) { return one.name == words; });
        if (line == lines.end()) {
            line = lines.insert(lines.end(), {words, {}});
        }
        line->points.push_back({at->second, value, &row});
    }
    for (Line& line : lines) {
        std::stable_sort(line.points.begin(), line.points.end(),
                         [](const Line::Point& a, const Line::Point& b) { return a.x < b.x; });
    }
    std::erase_if(lines, [](const Line& line) { return line.points.size() < 2; });
    return lines;
}

}  // namespace

std::vector<Drawing> draw_sensitivity(const Figures& figures) {
    const bool rate = std::any_of(figures.rows.begin(), figures.rows.end(),
                                  [](const Row& row) { return std::isfinite(row.rate.value); });
    std::vector<Drawing> drawings;
    for (const auto& [name, values] : varied(figures)) {
        Curve curve;
        curve.name = rate ? figures.rate_name : figures.time_name;
        curve.unit = rate ? figures.rate_unit : "s";
        curve.value = [rate](const Row& row) { return rate ? row.rate : row.time; };
        curve.caption = fmt::format(
            "What {} does while all else stays: a line for each combination of the other parameters; a flat line means "
            "that it does not matter.",
            clean_text(name));
        const Places places = places_of(values);
        const std::vector<Line> lines = lines_of(figures, name, places, curve);
        const std::size_t parts = (lines.size() + kMostSeries - 1) / kMostSeries;
        const Axis across = parameter_axis(name, all_x(lines));
        const Axis up = value_axis(curve.name, curve.unit, all_values(lines));
        for (std::size_t part = 0; part < parts; ++part) {
            const std::size_t begin = part * kMostSeries;
            const std::size_t end = std::min(lines.size(), begin + kMostSeries);
            curve.stem = "sensitivity-" + file_word(name) + (parts > 1 ? fmt::format("-{}", part + 1) : "");
            curve.title =
                fmt::format("Sensitivity to {}", name) + (parts > 1 ? fmt::format(" ({} of {})", part + 1, parts) : "");
            const std::vector<Line> some(lines.begin() + static_cast<std::ptrdiff_t>(begin),
                                         lines.begin() + static_cast<std::ptrdiff_t>(end));
            drawings.push_back(places.numbers ? draw_lines(curve, some, across, up, {})
                                              : draw_dots(curve, some, values));
        }
    }
    return drawings;
}

}  // namespace inferstep::report
