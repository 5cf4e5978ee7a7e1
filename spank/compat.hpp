// What differs between the Slurms that this plugin is built for, 20.11 to 26.05. Everything else uses spank.h as it is.
//
// A plugin fits one release: Slurm compares plugin_version, which SPANK_PLUGIN has taken from the headers since 21.08
// and spank_plugin_version holds the 1 of before. Options come to slurmstepd twice before 24.05, once since, in a
// heterogeneous step once for each component: whoever takes one must bear that.
//
// With SlurmdParameters=contain_spank (24.05) task_post_fork and task_exit run in a process of their own, which has
// slurmstepd's memory and a copy of its descriptors: what is counted there counts, what is closed there is still open
// in slurmstepd, and what is forked there is no child of slurmstepd's.
#pragma once

#include <stdint.h>

extern "C" {
#include <slurm/spank.h>
#ifndef SLURM_VERSION_NUMBER
#include <slurm/slurm.h>  // which has it in 20.11
#endif
}

namespace inferstep::plugin {

// What a hook returns. Before 25.05 it fails by a negative number alone, so that ESPANK_ERROR and its like, which are
// positive, were successes; since then by any but 0. ESPANK_JOB_FAILURE and ESPANK_NODE_FAILURE are not used: a node
// has done nothing wrong when a step's databases do not start, and before 25.05 there are none.
inline int verdict(bool fine) { return fine ? 0 : -1; }

// From here on: batch, extern and interactive steps. 20.11 has SLURM_BATCH_SCRIPT and no name for the least of them.
constexpr uint32_t kFirstSpecialStep = 0xfffffff0;

}  // namespace inferstep::plugin
