// The files of a report in their directory: the bundle for programs, tables.txt, the plots and the page.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "report/collection.hpp"
#include "report/figures.hpp"

namespace inferstep::report {

struct OutputOptions {
    bool plots = true;
    bool samples = false;              // also samples.csv
    std::vector<std::string> command;  // as it was typed
};

// Where a report goes if nobody says: into the tree of one sweep or the records of inferstep client, else to ./report,
// so that nothing is left in the trees of other programs.
std::string default_directory(const Collection& collection);

// Fine: nothing is there, an empty directory, or an earlier report, which is replaced as a whole.
Status check_directory(const std::string& directory);

// Everything into `directory`, which appears whole or not at all. Returns sentences on what was left out.
Result<std::vector<std::string>> write_report(const std::string& directory, const Collection& collection,
                                              const Figures& figures, const OutputOptions& options);

}  // namespace inferstep::report
