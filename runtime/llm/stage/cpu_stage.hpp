// The stage on the CPUs of this process.
#pragma once

#include <functional>
#include <memory>

#include "core/result.hpp"
#include "llm/stage/stage.hpp"

namespace inferstep::llm {

Result<std::unique_ptr<Stage>> load_cpu_stage(const ModelFiles& files, const StageOptions& options,
                                              const std::function<void(const LoadProgress&)>& progress);

}  // namespace inferstep::llm
