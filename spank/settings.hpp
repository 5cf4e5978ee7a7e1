// The admin's settings: the key=value words behind the plugin's path in plugstack.conf. They are looked at only for
// steps that ask for databases: a typo stops those and nobody else.
#pragma once

#include "core/step_request.hpp"

namespace inferstep::plugin {

constexpr size_t kMaxWords = 64;  // of one kind

enum PathId { kProgram, kRedis, kStatedir, kPaths };
constexpr const char* kPathKeys[kPaths] = {"inferstep", "redis", "statedir"};

struct Settings : AdminWords {
    const char* paths[kPaths] = {};  // absolute; the program is required, of the others the supervisor has defaults
    // The supervisor's environment: NAME=VALUE words, and lists NAME[,NAME…] of what it gets of the job's. The first of
    // each is ours: what the databases, the models and Slurm's own programs need to know, and nothing that changes how
    // a program is loaded.
    const char* set_env[kMaxWords] = {"PATH=/usr/local/bin:/usr/bin:/bin"};
    const char* env_allow[kMaxWords] = {
        "HOME,USER,LOGNAME,LANG,LC_ALL,TZ,TMPDIR,CUDA_VISIBLE_DEVICES,CUDA_DEVICE_ORDER,NVIDIA_VISIBLE_DEVICES,"
        "INFER_ATTACH_DIR,SLURM_SRUN_COMM_PORT,"
        "SLURM_CLUSTER_NAME,SLURM_CONF,SLURM_JOB_ID,SLURM_STEP_ID,SLURM_RESTART_COUNT,SLURM_JOB_CPUS_PER_NODE,"
        "SLURM_JOB_GPUS,SLURM_STEP_GPUS,SLURMD_NODENAME,SLURM_NODEID,SLURM_PROCID,SLURM_LOCALID,SLURM_NTASKS,"
        "SLURM_NNODES,SLURM_STEP_NUM_TASKS,SLURM_STEP_NUM_NODES,SLURM_STEP_TASKS_PER_NODE"};

    // The words must outlive this; Slurm keeps those of plugstack.conf as long as the process lives.
    bool read(int count, char** words, Problem& why);
};

}  // namespace inferstep::plugin
