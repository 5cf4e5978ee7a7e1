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
    bool profiled = false;  // a profiler's self times, no wall-clock times
    std::int64_t count = 0;
    double deviation = kUnknown;  // of the sample
    Value mean, p50, p95, p99;    // of all times; interval: over the repeats' own values
    double min = kUnknown, max = kUnknown;
    Source fastest, slowest;        // the lines with the min and the max
    std::vector<double> quantiles;  // 0, 0.5 %, …, 100 %: 201 of them, for plots; none without times
};

// Where a point's wall-clock time went, as fractions that add up to 1; all unknown where nothing was timed.
struct Breakdown {
    Value communication, compute, io, preprocess, other, bubble;
};

// Where the databases' time went: fractions of a request's, from step.json.
struct DatabaseSplit {
    Value queue, input, inference, output;
};

// One stage of a pipeline: means over the repeats, in the order of stage_columns() (compute_stages.hpp).
struct StageFigures {
    int stage = 0;
    std::string layers;  // of the first of the repeats
    std::string node;    // likewise
    std::vector<Value> values;
};

// What an experiment is about, beside what every report has: the column of a table.
struct ExperimentColumn {
    std::string key;    // "weak_classical"
    std::string title;  // "weak efficiency T1(W)/TN(N·W)"
    std::string rule;   // the formula, in words
    bool fraction = false;
};

// One series at one scale: a row of the scaling table. Where every execution failed it is there with nothing in it.
struct Row {
    std::size_t series = 0;  // index of Figures::series
    double x = kUnknown;
    int nodes = 1, tasks = 1, gpus = 0;
    std::vector<std::size_t> executions;  // the repeats, without warm-ups and failures
    Value time;                           // absolute
    Value rate;
    Value work;           // units done: of the repeats the most
    Value relative_time;  // against the common baseline: above 1 is slower
    Value speedup_common, speedup_own;
    Value strong_common, strong_own;  // efficiencies: unknown where the work is not the same
    Value weak_common, weak_own;      // unknown where the work is not proportional to x
    Value utilization;                // CPU seconds over allocated CPU seconds
    Value gpu_utilization;            // mean of the samples
    Value memory_bytes, energy_j;
    Value database_share;  // CPU seconds of the databases over those of the step
    Value imbalance;       // 1 - mean / max of the ranks' loop times: what they wait for the slowest in the end
    DatabaseSplit database;
    Breakdown breakdown;
    std::vector<Distribution> functions;  // those that this row has, in the order of Figures::functions
    std::vector<Value> metrics;           // in the order of Figures::metrics
    std::vector<StageFigures> stages;     // of `inferstep stage`, in their order
    std::vector<Value> experiment;        // in the order of Figures::experiment
};

struct Series {
    std::string name;  // "ddp", "cpp, db_cpus 4"
    std::size_t tree = 0;
    std::vector<std::pair<std::string, std::string>> parameters;
    bool has_baseline = false;
    std::size_t own_baseline = 0;  // index of Figures::rows: its smallest x
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

// How the work of the rows compares with their baselines': which of the efficiencies holds.
enum class Scaling { kNotKnown, kStrong, kWeak, kNeither, kNone };  // kNone: one x only

struct Figures {
    std::string x_name;  // "nodes"
    std::string x_rule;  // why, in words
    std::string time_name, rate_name, rate_unit;
    std::string time_rule, rate_rule;  // how an execution's number comes about, in words
    std::vector<double> times, rates;  // of each execution, in their order
    std::vector<Series> series;
    std::vector<Row> rows;               // series by series, x ascending
    std::vector<Metric> metrics;         // names and units of what the rows have; no values
    std::vector<std::string> functions;  // names in the order of first appearance
    bool has_baseline = false;
    std::size_t common_baseline = 0;  // index of rows
    std::string baseline_rule;        // how it was chosen, in words
    Scaling scaling = Scaling::kNotKnown;
    std::string scaling_rule;  // in words
    std::string kind;          // of the experiment, "pipeline-weak"; empty: none, or several trees of several kinds
    std::vector<ExperimentColumn> experiment;
    std::vector<std::string> experiment_remarks;  // sentences without a full stop, which stand among the notes too
    std::vector<Outlier> outliers;
    std::vector<Failure> failures;
    std::vector<Note> notes;  // the readers', and what the figures lack and why
};

}  // namespace inferstep::report
