// Which CPUs of a step its databases take. Part of plan().
#pragma once

#include <vector>

#include "place/plan.hpp"
#include "place/take.hpp"

namespace inferstep {

// Where databases can be: a step of which nothing is taken yet.
struct Room {
    const PlanRequest& request;
    CpuSet usable;  // the step's CPUs that the topology knows
    Taker cores;
    Taker threads;
};

struct Layout {
    std::vector<PlannedInstance> instances;  // empty: it does not fit
    bool threads = false;                    // single hardware threads were taken
    CpuSet taken;
};

// How many CPUs the databases may have at most: with pin_app one is left to the tasks.
int available(const CpuSet& usable, const PlanRequest& request);

// Lay `db_cpus` CPUs out: whole cores before single threads, spread before tightly packed; but before all that, with
// few of the CPUs that are to be avoided.
Layout lay_out(const Room& room, int db_cpus);

// The largest number below `db_cpus` that can be laid out. One CPU for each instance always can.
int most_that_fit(const Room& room, int db_cpus);

}  // namespace inferstep
