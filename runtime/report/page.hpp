// The report as one HTML page that needs nothing else: style, drawings and the few lines of script are in it, and it
// asks no network for anything.
#pragma once

#include <string>

#include "core/result.hpp"
#include "report/figures.hpp"
#include "report/plots.hpp"

namespace inferstep::report {

// Writes `directory`/index.html. Links go to the files that were read, relative to the directory.
Status write_page(const Collection& collection, const Figures& figures, const Plots& plots,
                  const std::string& directory);

}  // namespace inferstep::report
