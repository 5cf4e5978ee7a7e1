// A standard database as a batch job of its own.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"

namespace inferstep {

// Submit a job whose only step is `inferstep db standard` with `options`, on all nodes of the job. Returns the step,
// "JOB.0". Error: sbatch's own words.
Result<std::string> submit_standard(const std::vector<std::string>& sbatch_options,
                                    const std::vector<std::string>& options);

// The shell script of that job. `program` is the path of inferstep.
std::string standard_script(const std::string& program, const std::vector<std::string>& options);

}  // namespace inferstep
