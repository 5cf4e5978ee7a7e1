// What was used: CPUs, GPUs, memory, energy, and the databases' share of it; and the metrics of each row.
#pragma once

#include "report/compute.hpp"

namespace inferstep::report {

void compute_resources(const Collection& collection, Figures& figures);
void compute_metrics(const Collection& collection, Figures& figures);

// Why there are no intervals, no accounting, no database share: one sentence for each reason.
void note_what_is_missing(const Collection& collection, Figures& figures);

}  // namespace inferstep::report
