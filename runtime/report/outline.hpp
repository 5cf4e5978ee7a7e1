// What was read, a line for each execution.
#pragma once

#include <string>

#include "report/collection.hpp"

namespace inferstep::report {

std::string outline(const Collection& collection);

}  // namespace inferstep::report
