// A battery: what `inferstep sweep` runs. A command, the values of its parameters, and what every combination of them,
// a point, needs. Plain values: read by battery_file.hpp or made by ready.hpp, expanded by matrix.hpp, run by run.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/config.hpp"

namespace inferstep::sweep {

// Names and values in their order. Values are texts, as they stand in commands and tables.
using Parameters = std::vector<std::pair<std::string, std::string>>;

// How one number is read from what a point left behind.
struct MetricRule {
    enum class From { kRegex, kCsv, kJson };  // regex: ECMAScript's
    std::string name;
    std::string unit;  // may be empty
    From from = From::kRegex;
    std::string file = "stdout.log";  // below the point's directory; a pattern (*) may match one file for each rank
    std::string select;               // the expression with one group; the column; the member ("a.b.0")
    std::string reduce = "last";      // first, last, min, max, mean, sum: where it matches several times
    std::string better = "lower";     // lower, higher
    bool required = true;             // a point without it has failed
};

// The resources of one point's step. Nothing here is specific to a site.
struct StepShape {
    int nodes = 1;
    int tasks_per_node = 1;
    int cpus_per_task = 0;  // 0: Slurm's default
    int gpus_per_node = 0;
    std::vector<std::string> options;  // further options of srun, such as --infer-colocate=2
};

// A standard database that a point has beside it: a step or job of its own, on its own nodes.
struct DatabaseShape {
    int nodes = 1;
    int cpus_per_node = 0;                   // 0: whatever the node has
    std::vector<std::string> hosts;          // empty: any of the allocation
    bool as_job = false;                     // a batch job of its own, by `inferstep db submit`
    std::vector<std::string> batch_options;  // of sbatch, for that job
    std::vector<std::string> options;        // of `inferstep db standard`
};

// One run: a combination of values, one of its repetitions. Placeholders are replaced by now, but for the directories:
// see set_run_directory() in matrix.hpp.
struct Point {
    std::string id;  // "p0001", …; in the order of the matrix, whatever order they run in
    Parameters parameters;
    int repeat = 1;       // from 1
    bool warmup = false;  // run and recorded, but in no figure
    StepShape step;
    std::optional<DatabaseShape> database;
    std::vector<std::string> command;  // argv of the step's tasks; empty: there is a script
    std::string script;                // shell text that runs once, and starts steps itself
    Parameters environment;
    double time_limit_s = 0;  // 0: none
    double estimate_s = 0;    // 0: not known

    int all_nodes() const { return step.nodes + (database && !database->as_job ? database->nodes : 0); }
};

// What `inferstep report` is told about the meaning of the numbers. Empty: it finds out.
struct ReportHints {
    std::string x;                    // parameter on the horizontal axis; "nodes" by default
    std::vector<std::string> series;  // parameters that make a line each
    std::string rate;                 // metric: more is better
    std::string time;                 // metric or timed function: less is better
    Parameters baseline;              // the common baseline; empty: the best at the smallest x
};

struct Battery {
    std::string name;              // of the folder with the results
    std::string kind = "command";  // or the name of a ready-made battery
    std::string text;              // what was read or made, as YAML; kept with the results
    std::string folder;            // that relative paths in the command mean: where the user was

    std::vector<std::string> command;  // with {placeholders}, like everything below
    std::string script;
    std::vector<std::pair<std::string, std::vector<std::string>>> matrix;
    std::vector<Parameters> include, exclude;
    int repeats = 1;
    int warmups = 0;
    bool random = false;  // order of running
    std::uint64_t seed = 0;
    std::vector<std::vector<std::string>> prepare;  // commands that run once, before the first point
    Parameters environment;
    std::vector<MetricRule> metrics;
    ReportHints report;
    bool stop_on_failure = false;

    // Numbers may be placeholders too, so that they are texts until a point is made of them.
    struct Shape {
        std::string nodes = "1", tasks_per_node = "1", cpus_per_task = "0", gpus_per_node = "0";
        std::vector<std::string> options;
    } step;
    struct Database {
        std::string nodes = "1", cpus_per_node = "0", as_job = "no";
        std::vector<std::string> hosts, batch_options, options;
    };
    std::optional<Database> database;
    std::string time_limit;  // "[[HH:]MM:]SS", or Slurm's own "D-HH:MM:SS"; empty: none
    std::string estimate;    // of a point, likewise, for the preview

    // What it was read from, all files and settings together: for complaints, and for what sweep/ does not read itself,
    // such as the map `slurm`. Null for a battery that nobody has read yet.
    std::shared_ptr<const Config> source;
};

}  // namespace inferstep::sweep
