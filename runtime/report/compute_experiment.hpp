// The figures of the ready-made experiments with `inferstep stage`, under the names that man/inferstep-report.1 has.
#pragma once

#include "report/compute.hpp"

namespace inferstep::report {

// The kinds of batteries: strong and weak scaling, batch sizes, optimization, partitions.
enum class Experiment { kNone, kStrong, kWeak, kBatch, kOptimization, kPartitions };
Experiment experiment_of(std::string_view kind);

// Columns and values, against the common baseline, and notes of what is above_one. Trees of several kinds have none.
void compute_experiment(const Collection& collection, Figures& figures);

// A sentence for each column with efficiencies above 100 % that have no interval, which nothing tells from noise.
std::vector<std::string> above_one(const Figures& figures);

}  // namespace inferstep::report
