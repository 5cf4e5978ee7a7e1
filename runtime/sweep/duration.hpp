// Times as people and Slurm write them.
#pragma once

#include <string>

#include "core/result.hpp"

namespace inferstep::sweep {

// Seconds of "90", "1.5", "MM:SS", "HH:MM:SS" or "D-HH:MM:SS": more than 0, at most a year. A number alone is seconds.
// The message has no subject, for Config::wrong().
Result<double> parse_duration(const std::string& text);

// "HH:MM:SS", or "D-HH:MM:SS"; rounded up to whole seconds.
std::string as_duration(double seconds);

}  // namespace inferstep::sweep
