// The flags of the experiments with `inferstep stage`.
#pragma once

#include <string_view>
#include <vector>

#include "sweep/ready_flags.hpp"

namespace inferstep::sweep {

// Of one of the kinds of ready_pipeline.hpp.
std::vector<ReadyFlag> pipeline_flags(std::string_view kind);

}  // namespace inferstep::sweep
