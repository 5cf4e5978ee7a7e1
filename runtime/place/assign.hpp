// Who belongs to which database, once the databases' CPUs are known. Parts of plan().
#pragma once

#include "place/plan.hpp"

namespace inferstep {

// Give every task an instance near the CPUs it has left, and near ones equally many tasks.
void assign_tasks(const Topology& topology, Plan& plan);

// Give the instances the `devices` GPUs nearest to them (0: all), in equal numbers. Where there are fewer GPUs than
// instances they are shared, and a note says so. Not more devices than there are.
void assign_gpus(const Topology& topology, int devices, Plan& plan);

}  // namespace inferstep
