// The short report of the experiments with `inferstep stage` as Markdown: tables, plots in files beside it, what bounds
// each experiment, how it was measured, and what was not.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "report/collection.hpp"

namespace inferstep::report {

struct PaperOptions {
    bool plots = true;
    std::vector<std::string> command;  // as it was typed
};

// `path` ends in .md; the complete report of each experiment goes to <path without .md>_files/<experiment>. Of several
// runs of an experiment the newest counts. `collection` has its trees apart (ReadOptions::separate). Returns sentences
// on what was left out. Error: no run of an experiment is there, or a file cannot be written.
Result<std::vector<std::string>> write_paper(const std::string& path, Collection collection,
                                             const PaperOptions& options);

}  // namespace inferstep::report
