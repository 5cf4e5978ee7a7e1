// What every plan must fulfil, whatever was asked: the guarantees of place/plan.hpp, checked one by one.
#pragma once

#include <string>
#include <vector>

#include "place/plan.hpp"

namespace inferstep::test {

// The first guarantee that `plan` breaks, or "".
std::string broken_rule(const Topology& topology, const std::vector<CpuSet>& tasks, const PlanRequest& request,
                        const Plan& plan);

// The machines of tests/topo, by the names of their files.
const std::vector<std::string>& machines();

Topology machine(const std::string& name);  // fails the test and is empty when it cannot be read

CpuSet cpus(const char* list);
CpuSet all_cpus(const Topology& topology);

}  // namespace inferstep::test
