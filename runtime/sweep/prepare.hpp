// The commands of a battery that run once, before its first point.
#pragma once

#include <string>

#include "core/fd.hpp"
#include "core/result.hpp"
#include "sweep/battery.hpp"

namespace inferstep::sweep {

// One after the other, in the battery's folder and environment; what they print goes to prepare.log of the run. Returns
// 0, or the signal that ended it. Error: one of them failed.
Result<int> run_prepare(const Battery& battery, const std::string& run, const UniqueFd& signals);

}  // namespace inferstep::sweep
