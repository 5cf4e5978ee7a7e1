// What Slurm's accounting says of a step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "db/step_record.hpp"

namespace inferstep {

// How Slurm finds the processes of a step and adds them up: "proctrack/cgroup", "jobacct_gather/cgroup"; "unknown"
// where scontrol does not answer.
struct Gatherer {
    std::string gather = "unknown";
    std::string proctrack = "unknown";

    bool gathers() const { return gather != "jobacct_gather/none" && gather != "none" && gather != "(null)"; }
};
Gatherer ask_gatherer();

// The step's line of sacct.
struct StepUsage {
    double cpu_s = 0;                 // TotalCPU: all tasks and what is counted with them
    std::uint64_t max_rss_bytes = 0;  // MaxRSS: of the largest task
    double elapsed_s = 0;
    double cpus = 0;      // AllocCPUS
    double energy_j = 0;  // 0: not counted
    int line = 0;         // of the table, from 1
};

struct SacctAnswer {
    // The table of `sacct -P` for the whole job. Lines that start with # are ours: why there is none, or that it is not
    // final.
    std::string text;
    std::optional<StepUsage> usage;  // once the step's line is final
};

// Asks until the step's line is final with its figures, or some seconds have passed.
SacctAnswer ask_sacct(const StepName& name, const Gatherer& gatherer);

// The table of several jobs with all their steps, by one call and without waiting for what is not final yet.
// Error: why there is none.
Result<std::string> sacct_table(const std::vector<std::string>& jobs);

// Does the table have this step, ended and with its figures where Slurm gathers any?
bool is_final(const std::string& table, const std::string& step, const Gatherer& gatherer);

// Does the table call this job or step ended?
bool has_ended(const std::string& table, const std::string& id);

// The steps of `job` that were started under this name (srun --job-name), such as "12.3".
std::vector<std::string> steps_called(const std::string& table, const std::string& job, const std::string& name);

// The line of `step` ("12.3") in a table of `sacct -P`. Nothing: it is not there, not final, or without figures.
std::optional<StepUsage> usage_of(const std::string& table, const std::string& step);

}  // namespace inferstep
