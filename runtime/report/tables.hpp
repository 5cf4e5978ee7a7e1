// The report as text for a terminal: aligned tables of at most 100 columns, notes and failures last.
#pragma once

#include <string>

#include "report/collection.hpp"
#include "report/figures.hpp"

namespace inferstep::report {

// Numbers have four significant digits, and the half width of their 95 % interval two. "-": not measured; a note says
// why.
std::string tables(const Figures& figures, const Collection& collection);

}  // namespace inferstep::report
