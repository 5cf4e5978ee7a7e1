// Who am I in the step: rank, node, job, from Slurm's variables or, without Slurm, from `inferstep run`'s own.
#pragma once

#include <string>

namespace inferstep {

struct StepIdentity {
    bool slurm = false;   // a real Slurm step
    std::string job;      // "1234", or "local"
    std::string step;     // "0", or the pid of `inferstep run` (of this process when alone)
    int restart = 0;      // SLURM_RESTART_COUNT
    int rank = 0;         // SLURM_PROCID or INFER_RANK
    int ranks = 1;        // SLURM_NTASKS or INFER_RANKS
    int local_rank = 0;   // SLURM_LOCALID
    int local_ranks = 1;  // tasks of this node
    int node_index = 0;   // SLURM_NODEID
    int nodes = 1;        // nodes of the step
    std::string node;     // SLURMD_NODENAME or the host name, fit for a file name
};

StepIdentity step_identity();

std::string host_name();

// "<job>.<step>", with ".r<restart>" for a requeued job: the name of the step's record directory.
std::string step_name(const StepIdentity& id);

}  // namespace inferstep
