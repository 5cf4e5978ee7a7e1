// What `inferstep report` has read, whatever format it had: executions, each one step that ran once, with its times,
// metrics and accounting, and for every number where it stands. Readers fill this, figures.hpp is computed from it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sweep/stage_record.hpp"

namespace inferstep::report {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// Where a number stands. Line 0: it is of the whole file.
struct Source {
    std::string file;
    std::int64_t line = 0;
};

// A file of times, of one rank.
struct RankFile {
    std::string path;
    int rank = -1;     // -1: the format does not say
    std::string node;  // where the rank ran; empty: not known
    std::int64_t rows = 0;
};

// All times of one function in one execution: seconds, file after file in the order of their rows.
struct FunctionTimes {
    struct Part {
        std::size_t file;       // index of Execution::files
        std::size_t begin;      // of its first time
        std::int64_t line = 0;  // of its first time, where the times stand in consecutive lines; 0: see locate()
    };
    std::string function;
    std::vector<double> seconds;
    std::vector<Part> parts;
    bool profiled = false;  // a profiler's self times: shown apart and in no other figure
};

struct Metric {
    std::string name;
    std::string unit;
    bool higher_is_better = false;
    double value = kUnknown;
    Source source;
};

// What Slurm, or the step's own record, counted. Unknown where nobody did; `why` says so in words.
struct Accounting {
    std::string job, step;  // "1234", "1234.0"
    double elapsed_s = kUnknown;
    double cpu_s = kUnknown;            // of the step, databases included where Slurm counts them
    double allocated_cpu_s = kUnknown;  // CPUs of the step times its time
    double max_rss_bytes = kUnknown;
    double energy_j = kUnknown;
    double database_cpu_s = kUnknown;
    double database_rss_bytes = kUnknown;
    bool databases_counted = true;  // cpu_s contains database_cpu_s
    // What became of the requests in the databases, summed over all of them.
    double queue_s = kUnknown, input_s = kUnknown, inference_s = kUnknown, output_s = kUnknown;
    double gpu_utilization = kUnknown;  // 0 … 1: mean of the samples
    Source source;                      // the step's line of sacct_<job>.txt
    Source record;                      // step.json
    Source gpu;                         // the file of the samples of utilization and power
    std::string why;
};

enum class State { kDone, kFailed, kTimeout, kCancelled, kMissing };

struct Execution {
    std::size_t tree = 0;  // index of Collection::trees
    std::string id;        // "p0007"; the directory's name where there are no points
    std::vector<std::pair<std::string, std::string>> parameters;
    int repeat = 1;
    bool warmup = false;
    State state = State::kDone;
    std::string why;  // of a point that did not succeed: one sentence
    int exit_code = 0;
    double begin = kUnknown;    // seconds since 1970
    double seconds = kUnknown;  // wall clock of the whole point
    int nodes = 1;
    int tasks = 1;  // clients, ranks
    int gpus = 0;
    double work = kUnknown;  // units done, such as inferences or images, where the format says
    std::string work_unit;
    std::vector<RankFile> files;
    std::vector<FunctionTimes> functions;
    std::vector<Metric> metrics;
    Accounting accounting;
    std::vector<Source> logs;  // files to look into, by hand

    // Of a run of `inferstep stage`.
    std::optional<sweep::StageRecord> stages;
    std::vector<std::string> completions;  // its completions_rank_N.jsonl
};

// Something that a reader met and went on from: a truncated row, a missing rank, an empty file.
struct Note {
    Source source;
    std::string text;  // a sentence
};

struct Tree {
    std::string path;
    std::string label;                         // its name in tables; unlike all others
    std::string kind;                          // of the sweep's battery, "pipeline-strong"; empty: no sweep
    std::string format;                        // "inferstep-sweep/1", "inferstep step", "SmartSim-Scaling", "itwinai"
    std::string hint_x, hint_rate, hint_time;  // sweep/battery.hpp ReportHints; empty: find out
    std::vector<std::string> hint_series;
    std::vector<std::pair<std::string, std::string>> hint_baseline;
    std::vector<std::pair<std::string, std::string>> about;  // what was run, for the head of a page: command, versions
};

// One prompt of a run beside the reference's.
struct PromptComparison {
    int prompt_index = -1;
    long divergence = -1;       // the first other token, or byte; -1: none
    bool by_tokens = true;      // else by the texts' bytes, where one of the two files has no tokens
    bool other_prompt = false;  // the prompts themselves are not the same
    std::string text;           // generated by the run
};
struct ReferenceRun {
    std::size_t execution = 0;
    std::vector<PromptComparison> prompts;
    int identical = 0;
    int without_reference = 0;  // prompts that the reference lacks
};
struct ReferencePrompt {
    int prompt_index = -1;
    std::string prompt, text;
};
// The outputs that --reference names, and those of the executions beside them.
struct Reference {
    std::string path;
    std::vector<ReferencePrompt> prompts;
    std::vector<ReferenceRun> runs;
};

struct Collection {
    std::vector<Tree> trees;
    std::vector<Execution> executions;
    std::vector<Note> notes;
    std::optional<Reference> reference;
};

}  // namespace inferstep::report
