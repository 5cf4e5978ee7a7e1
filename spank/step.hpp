// What Slurm knows of the step and of a task; and how the plugin speaks.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "compat.hpp"
#include "core/step_options.hpp"

namespace inferstep::plugin {

struct Step {
    uid_t uid = 0;
    gid_t gid = 0;
    uint32_t job = 0;
    uint32_t step = 0;
    uint32_t node = 0;   // index of this node in the step …
    uint32_t nodes = 0;  // … and how many there are
    uint32_t tasks = 0;  // on this node
    uint32_t restarts = 0;
    uint64_t memory_mib = 0;  // of the step on this node; 0: no limit known
    char cores[256] = "";     // of the step on this node, by Slurm's own numbers; empty: not known
};

// In slurmstepd, or in srun after the allocation (there without what a node alone has). False for what is no step of
// tasks: a batch script, the extern and the interactive step.
inline bool read_step(spank_t spank, Step& step) {
    if (spank_get_item(spank, S_JOB_ID, &step.job) != ESPANK_SUCCESS ||
        spank_get_item(spank, S_JOB_STEPID, &step.step) != ESPANK_SUCCESS || step.step >= kFirstSpecialStep ||
        spank_get_item(spank, S_JOB_UID, &step.uid) != ESPANK_SUCCESS ||
        spank_get_item(spank, S_JOB_GID, &step.gid) != ESPANK_SUCCESS) {
        return false;
    }
    if (spank_remote(spank) == 1) {
        spank_get_item(spank, S_JOB_NODEID, &step.node);
        spank_get_item(spank, S_JOB_NNODES, &step.nodes);
        spank_get_item(spank, S_JOB_LOCAL_TASK_COUNT, &step.tasks);
        spank_get_item(spank, S_SLURM_RESTART_COUNT, &step.restarts);
        spank_get_item(spank, S_STEP_ALLOC_MEM, &step.memory_mib);
        const char* cores = nullptr;
        if (spank_get_item(spank, S_STEP_ALLOC_CORES, &cores) == ESPANK_SUCCESS && cores != nullptr &&
            strlen(cores) < sizeof step.cores) {
            snprintf(step.cores, sizeof step.cores, "%s", cores);
        }
    }
    return true;
}

// A line "infer: …" on srun's stderr. Returns false, so that `return fine || say(why);` reads as one sentence.
inline bool say(const Problem& line) {
    slurm_spank_log("infer: %s", line.text);
    return false;
}

}  // namespace inferstep::plugin
