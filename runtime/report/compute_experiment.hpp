// The figures of the ready-made experiments with `inferstep stage`, under the names that man/inferstep-report.1 has.
#pragma once

#include "report/compute.hpp"

namespace inferstep::report {

// The kinds of batteries: strong and weak scaling, batch sizes, optimization, partitions.
enum class Experiment { kNone, kStrong, kWeak, kBatch, kOptimization, kPartitions };
Experiment experiment_of(std::string_view kind);

// Columns and values against the common baseline, and remarks: efficiencies above 100 % without an interval, which
// nothing tells from noise, and weak scaling whose points had other numbers of prompts than they should, which have no
// values. Trees of several kinds have none of it.
void compute_experiment(const Collection& collection, Figures& figures);

}  // namespace inferstep::report
