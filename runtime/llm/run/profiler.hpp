// A rank under perf or nsys, as distributed-inference's launcher starts it.
#pragma once

#include <string>

#include "core/step.hpp"
#include "llm/run/stage_settings.hpp"

namespace inferstep::llm {

// Where a run's records lie: output_dir where it was named, else output_dir/<job>.<step>. Absolute.
std::string record_directory(const StageSettings& settings, const StepIdentity& id);

// Starts this program again under the profiler, in its own place: it does not return. It does return where there is
// nothing to do (no profiler is asked for, or this is the program under it) with "", and with a sentence where the
// profiler is missing or not permitted.
// perf leaves perf_rank_N.txt, nsys nsys_rank_N.nsys-rep in the run's records.
std::string run_under_profiler(const StageSettings& settings, const StepIdentity& id);

}  // namespace inferstep::llm
