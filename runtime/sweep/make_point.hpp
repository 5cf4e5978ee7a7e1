// One point of a battery; see matrix.hpp.
#pragma once

#include <string>
#include <string_view>

#include "sweep/battery.hpp"

namespace inferstep::sweep {

// `run`: its repeat from 1; 0 and below are warm-ups. Errors name the point and the key.
Result<Point> make_point(const Battery& battery, const Parameters& parameters, const std::string& id, int run);

constexpr std::size_t kWholeKey = static_cast<std::size_t>(-1);
// An error at the `index`th entry of a list, or at the key itself, where the battery was read from.
Error complaint(const Battery& battery, std::string_view key, std::size_t index, std::string_view what);

}  // namespace inferstep::sweep
