#include "llm/run/run_plan.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "llm/stage/formats.hpp"
#include "llm/stage/partition.hpp"

namespace inferstep::llm {
namespace {

constexpr int kMostSlots = 1 << 20;
constexpr int kScoredRows = 16;  // of one batch: their logits take memory

int longest(const Shape& shape, int max_new_tokens, const std::vector<Prompt>& prompts, const Reference& reference) {
    std::size_t most = 1;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
        const std::size_t known = reference.known.empty() ? 0 : reference.known[i].size();
        most = std::max(most, prompts[i].tokens.size() + std::max(known, static_cast<std::size_t>(max_new_tokens)));
    }
    return static_cast<int>(std::min(most, static_cast<std::size_t>(shape.context)));
}

}  // namespace

Result<std::vector<LayerRange>> plan_ranges(const StageSettings& settings, const Shape& shape, int ranks) {
    int stages = settings.stages > 0 ? settings.stages : ranks;
    if (settings.local_debug) {
        stages = 1;
    } else if (!settings.split.empty() && settings.stages == 0) {
        stages = static_cast<int>(settings.split.size());
    }
    if (stages > ranks && !settings.dry_run) {
        return with_hint(
            fail("{} need {}, and the step has {}", counted(stages, "stage"), counted(stages, "rank"), ranks),
            "srun --ntasks or --pipeline-size sets the one or the other");
    }
    if (settings.local_debug || settings.split.empty()) {
        return divide(shape, stages);
    }
    if (stages != static_cast<int>(settings.split.size())) {
        return fail("--split divides the layers into {}, and there are {}", counted(settings.split.size(), "part"),
                    counted(stages, "stage"));
    }
    return divide_as(shape, settings.split);
}

Result<RunPlan> plan_run(const StageSettings& settings, const Shape& shape, const std::vector<Prompt>& prompts,
                         const Reference& reference, int rank, int ranks) {
    RunPlan plan;
    Result<std::vector<LayerRange>> ranges = plan_ranges(settings, shape, ranks);
    if (!ranges) {
        return ranges.error();
    }
    plan.ranges = std::move(*ranges);
    plan.stages = static_cast<int>(plan.ranges.size());
    plan.stage = rank < plan.stages ? rank : -1;
    plan.limits.prompts = static_cast<int>(prompts.size());
    plan.limits.groups = settings.groups > 0 ? settings.groups : plan.stages;
    plan.limits.batch_size = settings.batch_size;
    if (std::int64_t{plan.limits.groups} * plan.limits.batch_size > kMostSlots) {
        return fail("{} groups of {} sequences are more than the {} sequences that can be in flight",
                    plan.limits.groups, plan.limits.batch_size, kMostSlots);
    }
    plan.limits.context = longest(shape, settings.max_new_tokens, prompts, reference);
    plan.limits.rows = settings.prefill_chunk + settings.batch_size;
    plan.limits.logit_rows = std::max(settings.batch_size, reference.known.empty() ? 1 : kScoredRows);
    return plan;
}

std::string precision_note(const StageSettings& settings, const ModelFiles& files) {
    const auto given = std::ranges::find(settings.origins, "precision", &Origin::name);
    return given == settings.origins.end() || given->where == "default"
               ? ""
               : stays_note(weight_formats(files, settings.format), files.path(), given->where, settings.format);
}

std::string range_text(const LayerRange& range) {
    const std::string layers = range.last > range.first ? fmt::format("{}-{}", range.first, range.last - 1) : "none";
    return (range.embedding ? "embed + " : "") + layers + (range.head ? " + norm + head" : "");
}

}  // namespace inferstep::llm
