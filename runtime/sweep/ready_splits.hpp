// The partitions of a model's layers among stages that pipeline-partitions runs.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"

namespace inferstep::sweep {

constexpr std::size_t kMostSplits = 1000;

// "13,13" of each, in order. `words`: "all", every partition into so many stages; "auto", of two stages at most nine,
// spread evenly, of more those around the even one; else the user's own ("13+13", "13-13" or "13/13"), which must have
// as many stages and layers. Error: one sentence that names the split.
Result<std::vector<std::string>> splits_of(const std::vector<std::string>& words, int layers, int stages);

}  // namespace inferstep::sweep
