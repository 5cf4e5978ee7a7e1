// point.json: everything that is known of a point that has ended. man/inferstep-metrics.5 describes its members.
#pragma once

#include <string>

#include "core/json.hpp"
#include "sweep/collect.hpp"

namespace inferstep::sweep {

constexpr const char* kEnvironmentFile =
    "environ";  // what the script noted of its environment; NAME=value, each with NUL

// Reads what the point's script and steps left in `directory`.
Json point_json(const Battery& battery, const Point& point, const std::string& directory, const Ended& ended,
                const PointResult& result);

// {"name": "value", …}
Json parameters_json(const Parameters& parameters);

// Is it wiser not to write the value of such a variable down?
bool may_be_secret(const std::string& name);

}  // namespace inferstep::sweep
