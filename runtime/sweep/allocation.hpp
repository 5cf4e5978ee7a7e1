// The allocation that we are in, by Slurm's variables, and whether a battery fits into it.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "sweep/battery.hpp"
#include "sweep/placer.hpp"

namespace inferstep::sweep {

struct Allocation {
    std::string job;
    std::vector<std::string> nodes;
};

// A job, but none of its steps: a batch script, or what salloc started.
bool inside_allocation();

// Error: there is none, or its list of nodes cannot be read.
Result<Allocation> read_allocation();

// "n[1-3,7]" → names, by scontrol where there is a bracket.
Result<std::vector<std::string>> expand_hosts(const std::string& list);

// What the point wants of the nodes; a --nodelist among its step's options is a wish.
Result<Wish> wish_of(const Point& point);

// The error names the first point that does not fit, and the nodes or hosts that are missing.
Status check_allocation(const Allocation& allocation, const std::vector<Point>& points);

// What Slurm says of the allocation by now.
struct AllocationNow {
    bool running = true;             // also when nobody answers
    std::string state;               // "RUNNING", "TIMEOUT", …; "" when Slurm knows it no more
    std::vector<std::string> nodes;  // empty: not known
};
AllocationNow look_at_allocation(const std::string& job);

// End the steps of `job` that run on any of these nodes. Batch and other scripts of the job stay.
void cancel_steps(const std::string& job, const std::vector<std::string>& nodes);

}  // namespace inferstep::sweep
