// Which build this is, and what it was compiled against.
#pragma once

#include <string>

#include "core/json.hpp"

namespace inferstep {

std::string version_text();  // several lines for `inferstep --version`
Json version_json();         // the same for records

}  // namespace inferstep
