// The ready-made experiments with `inferstep stage`: strong and weak scaling, batch sizes, optimization and partitions.
// man/inferstep-sweep.1 has their flags and what each means.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "sweep/ready.hpp"

namespace inferstep::sweep {

constexpr const char* kStrongKind = "pipeline-strong";
constexpr const char* kWeakKind = "pipeline-weak";
constexpr const char* kBatchKind = "pipeline-batch";
constexpr const char* kOptimizationKind = "pipeline-optimization";
constexpr const char* kPartitionsKind = "pipeline-partitions";

// Of the words behind the battery's name. Error: of the command line, one sentence.
Result<ReadyBattery> pipeline_battery(std::string_view kind, const std::vector<std::string>& words);

std::string pipeline_help(std::string_view kind);

}  // namespace inferstep::sweep
