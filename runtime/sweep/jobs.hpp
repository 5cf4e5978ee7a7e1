// Batch jobs, as Slurm's programs tell of them: submitted, looked at, ended. One call for all jobs, never one for each.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace inferstep::sweep {

// The number of the job. Error: sbatch did not take it, with what it said; `later` is set when it may take it once
// others have ended or the controller answers again.
Result<std::string> submit_job(const std::string& script, bool& later);

struct Job {
    std::string id;
    std::string state;   // "PENDING", "RUNNING", "NODE_FAIL", …
    std::string script;  // its path; empty: not known
    double begin = 0;    // seconds since 1970; 0: it has not begun
    std::string nodes;   // as Slurm writes them
    std::string reason;  // why it waits: "Priority", "PartitionTimeLimit", …
};

// All jobs of ours that the controller knows, ended ones as well for some minutes; by number. Error: no answer.
Result<std::map<std::string, Job>> look_at_queue();

// What accounting says of jobs that the controller has forgotten; empty where there is none.
std::map<std::string, Job> look_at_accounting(const std::vector<std::string>& jobs);

void cancel_jobs(const std::vector<std::string>& jobs, bool hard);

// What a state means for the point.
bool is_over(std::string_view state);  // it comes back from there no more
bool is_running(std::string_view state);
bool is_in_vain(std::string_view reason);   // a job waits for this until somebody changes it, or the partition
bool is_blameless(std::string_view state);  // NODE_FAIL and the like: the point may run again
std::string_view point_state(std::string_view state);  // timeout, cancelled, failed

// Lines of squeue with our format, and of sacct; for tests.
std::map<std::string, Job> parse_jobs(const std::string& table);

}  // namespace inferstep::sweep
