// The points of a plan as a table and as JSON; for preview.cpp.
#pragma once

#include <string>
#include <vector>

#include "core/json.hpp"
#include "sweep/battery.hpp"

namespace inferstep::sweep {

// At most `width` characters, the last one "…" when it was longer; 0 is no limit.
std::string cut(const std::string& text, std::size_t width);

// Columns that do not fit are narrowed, then left out, and said to be.
std::string plan_table(const std::vector<Point>& points, std::size_t width, std::size_t rows);

Json points_json(const std::vector<Point>& points);

}  // namespace inferstep::sweep
