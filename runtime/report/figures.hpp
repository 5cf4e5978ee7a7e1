// The figures of a report: what is computed from a Collection, once, for the tables, the bundle, the plots and the
// page. Formulas stand in man/inferstep-report.1. kUnknown (NaN) where something was not measured: shown as "-", never
// as 0.
#pragma once

#include <string>
#include <vector>

#include "report/collection.hpp"

namespace inferstep::report {

// One number of the report and the executions (indices) that it was computed from.
struct Value {
    double value = kUnknown;
    double low = kUnknown, high = kUnknown;  // 95 % confidence interval over the repeats; unknown with one
    std::vector<std::size_t> from;
};

// The times of one function at one scale of one series, all its repeats and ranks together.
struct Distribution {
    std::string function;
    std::int64_t count = 0;
    double deviation = kUnknown;  // of the sample
    Value mean, p50, p95, p99;    // interval: over the repeats' own values
    double min = kUnknown, max = kUnknown;
    Source slowest;                 // the line with the max
    std::vector<double> quantiles;  // 0, 0.5 %, …, 100 %: for plots
};

// Where a point's wall-clock time went, as fractions that add up to 1; all unknown where nothing was timed.
struct Breakdown {
    Value communication, compute, io, preprocess, other, bubble;
};

// One series at one scale: a row of the scaling table.
struct Row {
    std::size_t series = 0;  // index of Figures::series
    double x = kUnknown;
    int nodes = 1, tasks = 1, gpus = 0;
    std::vector<std::size_t> executions;  // the repeats, without warm-ups and failures
    Value time;                           // absolute
    Value rate;
    Value relative_time;  // against the common baseline: above 1 is slower
    Value speedup_common, speedup_own;
    Value strong_common, strong_own;  // efficiencies
    Value weak_common, weak_own;
    Value utilization;  // CPU seconds over allocated CPU seconds, or of the GPUs: see Figures
    Value memory_bytes, energy_j, database_share;
    Breakdown breakdown;
    std::vector<Distribution> functions;
    std::vector<Value> metrics;  // in the order of Figures::metrics
};

struct Series {
    std::string name;  // "ddp", "cpp, db_cpus 4"
    std::size_t tree = 0;
    std::vector<std::pair<std::string, std::string>> parameters;
    std::size_t own_baseline = 0;  // index of Figures::rows
};

struct Outlier {
    std::size_t execution = 0;
    std::string text;  // a sentence with the numbers
    Source source;
};

struct Failure {
    std::size_t execution = 0;
    std::string text;
};

struct Figures {
    std::string x_name;  // "nodes"
    std::string time_name, rate_name, rate_unit;
    std::string utilization_name;  // "CPU", "GPU"; empty: none
    std::vector<Series> series;
    std::vector<Row> rows;               // series by series, x ascending
    std::vector<Metric> metrics;         // names and units of what the rows have; no values
    std::vector<std::string> functions;  // names in the order of first appearance
    bool has_baseline = false;
    std::size_t common_baseline = 0;  // index of rows
    std::string baseline_rule;        // how it was chosen, in words
    std::vector<Outlier> outliers;
    std::vector<Failure> failures;
    std::vector<Note> notes;  // the readers', and what the figures lack and why
};

}  // namespace inferstep::report
