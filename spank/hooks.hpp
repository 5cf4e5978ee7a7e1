// What the hooks of entry.cpp do: in srun, sbatch and salloc (local.cpp), in slurmstepd (remote.cpp), and in each task
// before it becomes the user's program (task.cpp).
#pragma once

#include "core/fd.hpp"
#include "core/page.hpp"
#include "settings.hpp"
#include "step.hpp"

namespace inferstep::plugin {

// srun makes one value of each option out of its sources and hands it to slurmstepd as SLURM_<twin>: Slurm itself
// carries the last value of an option alone, and nothing of the environment but SLURM_* under --export=NONE. Relative
// paths start where srun was started, which is SLURM_INFER_CWD.
constexpr const char* kSent = "SLURM_%s";
constexpr const char* kSentCwd = "SLURM_INFER_CWD";

// --- srun, sbatch and salloc, as the user who typed the command.

// An option of the command line, or one that Slurm reads from the environment for a command inside salloc or sbatch.
bool take_local_option(int id, const char* value);

// --infer-help: print the options, as far as the command line was read, and end the command.
[[noreturn]] void show_options(int count, char** words);

// Once the command line is read, before anything is allocated. In srun (`step_follows`) the files must be there.
bool check_request(int count, char** words, bool step_follows);

// srun knows its step now.
void remember_step(spank_t spank);

// The step is over: `inferstep record` completes its record directory, where it has one.
void record_step();

// --- A node of the step.

// This node's part of the step. The tasks are forked with a copy of it.
struct Node {
    bool active = false;  // databases are asked for
    bool sweeps = false;  // none are, but `inferstep db standard` is the program: what a SIGKILL leaves is removed
    Problem problem;      // why there is no page, when there is none
    Step step;
    OptionSet options;
    Settings settings;
    Page* page = nullptr;
    UniqueFd page_fd;     // for the supervisor
    UniqueFd life_read;   // the supervisor's end of the lifetime pipe, in local task 0 alone
    UniqueFd life_write;  // slurmstepd alone keeps it: a byte, or its end, means that the step is over
    uint32_t forked = 0;
    uint32_t exited = 0;
};
Node& this_node();

// slurmstepd, as root: nothing of the user's is opened, executed or made into a path here. None of these fails: an
// error would let srun exit with 0, or drain the node. The tasks tell it instead.
void take_remote_option(int id, const char* value);
void prepare_node(spank_t spank, int count, char** words);
void note_task(spank_t spank);
void open_lifetime(spank_t spank);  // in the task, which is not yet the user
void note_exit();

// A task, already the user, in the step's cgroups. Local task 0 starts the node's supervisor; every task waits for the
// plan, moves to the CPUs it is given and learns its database. False, after one line of the node about the reason, when
// the step cannot run.
bool admit_task(spank_t spank);

// A variable of the job, cut at kMaxValue + 1 bytes; nullptr: not set, or empty. Valid until the next call.
const char* job_variable(void* spank, const char* name);

}  // namespace inferstep::plugin
