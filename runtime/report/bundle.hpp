// The report for programs: report.json and tables as CSV, each number with where it comes from.
#pragma once

#include <string>

#include "core/result.hpp"
#include "report/collection.hpp"
#include "report/figures.hpp"

namespace inferstep::report {

constexpr const char* kReportSchema = "inferstep-report/1";

struct BundleOptions {
    bool samples = false;              // also samples.csv: every single time
    std::vector<std::string> command;  // as it was typed; goes into report.json
};

// Writes report.json, executions.csv, functions.csv, scaling.csv, breakdown.csv, metrics.csv, failures.csv and
// outliers.csv into `directory`, which is made; each file appears whole or not at all. Numbers have twelve significant
// digits; an empty field, or null, is what was not measured.
Status write_bundle(const std::string& directory, const Figures& figures, const Collection& collection,
                    const BundleOptions& options);

// The text of report.json.
std::string report_json_text(const Figures& figures, const Collection& collection, const BundleOptions& options);

}  // namespace inferstep::report
