// Placement as a pure function: where the databases of one node run, and what is left for its tasks.
//
// plan(topology, task masks, request) reads nothing but its arguments, so that it can be tested on the topology of
// machines that are not here. Guarantees of a plan: every CPU of a database is one of the step's; the databases' CPUs
// are disjoint, and with pin_app no task keeps any of them; every task keeps at least one CPU.
#pragma once

#include <string>
#include <vector>

#include "core/cpuset.hpp"
#include "core/result.hpp"

namespace inferstep {

struct Cpu {
    int os = 0;      // number as the operating system has it
    int core = 0;    // index of its core in the machine, in hwloc's logical order
    int domain = 0;  // index into Topology::domains
};

struct Domain {       // a NUMA domain: the CPUs that share a local memory
    int os = 0;       // NUMA node number as the operating system has it
    int package = 0;  // index of its package (socket)
    CpuSet cpus;
};

struct Gpu {
    int index = 0;    // as the vendor's runtime counts those that this process may open
    int domain = -1;  // nearest domain, -1 unknown
    std::string name;
    int minor = -1;         // number of its device node, by which Slurm counts; -1 unknown
    std::string uuid = {};  // "GPU-…"; empty: unknown
};

struct Topology {
    std::vector<Cpu> cpus;
    std::vector<Domain> domains;
    std::vector<Gpu> gpus;
    bool here = true;     // this machine; false: the description of another
    int hidden_gpus = 0;  // GPUs of this machine that this process may not open
};

struct PlanRequest {
    int instances = 1;    // --infer-colocate
    int db_cpus = 0;      // --infer-db-cpus: of the node, for all instances; 0 = max(2, instances)
    bool pin_app = true;  // --infer-pin-app
    bool gpus = false;    // give the instances GPUs (--infer-device)
    int devices = 0;      // --infer-num-devices: GPUs of the node, for all instances; 0 = all of topology.gpus
    CpuSet step = {};     // the step's CPUs, also those on which no task runs; empty: the union of the task masks
    CpuSet avoid = {};    // reserved by databases of other steps: taken only where there are no others
};

struct PlannedInstance {
    int domain = 0;  // index into Topology::domains
    CpuSet cpus;
    std::vector<int> gpus;  // Gpu::index of those it is given
};

struct PlannedTask {
    int instance = 0;  // the database it is given: one of its own domain where there is one
    CpuSet before;
    CpuSet after;
};

struct Plan {
    std::vector<PlannedInstance> instances;
    std::vector<PlannedTask> tasks;
    std::vector<std::string>
        notes;  // what was decided that the user did not ask for in so many words (rounding to cores, sharing)
};

// Errors name the option and what would be right: db_cpus that leave no CPU for the tasks, more instances than CPUs, …
Result<Plan> plan(const Topology& topology, const std::vector<CpuSet>& tasks, const PlanRequest& request);

// Databases with no tasks beside them: the instances share out all CPUs of `mask` as blocks of neighbouring cores, and
// a block may reach into the next domain. The plan has no tasks; `request.db_cpus` and `pin_app`
// do not matter.
Result<Plan> plan_alone(const Topology& topology, const CpuSet& mask, const PlanRequest& request);

CpuSet united(const std::vector<CpuSet>& masks);  // the CPUs that are in any of them
CpuSet cpus_of(const Plan& plan);                 // of all databases

}  // namespace inferstep
