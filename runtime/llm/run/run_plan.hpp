// What a rank is in a pipeline: how many stages there are, which layers each has, and what the slots must hold.
#pragma once

#include <vector>

#include "core/result.hpp"
#include "core/step.hpp"
#include "llm/files/model_files.hpp"
#include "llm/run/compare.hpp"
#include "llm/run/stage_settings.hpp"
#include "llm/run/work.hpp"
#include "llm/stage/stage.hpp"

namespace inferstep::llm {

struct RunPlan {
    int stages = 1;
    int stage = -1;  // this rank's; -1: it has none
    std::vector<LayerRange> ranges;
    WorkLimits limits;

    bool first() const { return stage == 0; }
    bool last() const { return stage + 1 == stages; }
    const LayerRange& range() const { return ranges[static_cast<std::size_t>(stage)]; }
};

// Error: more stages than ranks or layers.
Result<std::vector<LayerRange>> plan_ranges(const StageSettings& settings, const Shape& shape, int ranks);
Result<RunPlan> plan_run(const StageSettings& settings, const Shape& shape, const std::vector<Prompt>& prompts,
                         const Reference& reference, int rank, int ranks);

// Why the precision that was given does not hold for all of the model; empty: it does, or none was given.
std::string precision_note(const StageSettings& settings, const ModelFiles& files);

// "0-12", with the ends: "embed + 0-12", "13-25 + norm + head".
std::string range_text(const LayerRange& range);

}  // namespace inferstep::llm
