#include "sweep/ready_pipeline_flags.hpp"

#include "core/step_options.hpp"
#include "sweep/ready_pipeline.hpp"

namespace inferstep::sweep {
namespace {

using Kind = ReadyFlag::Kind;
constexpr long kMostStages = 65'533;
constexpr long kMost = 1'000'000'000;

// In all of them. An empty text is left to `inferstep stage`: its own files, variables and defaults.
std::vector<ReadyFlag> common(const char* name) {
    return {
        {"exp_name", Kind::kText, false, name, 0, 0, "", "name of the folder with the results"},
        {"launcher", Kind::kChoice, false, "auto", 0, 0, "auto|slurm|local", "where it runs"},
        {"exp_config", Kind::kText, false, "", 0, 0, "", "exp_config.json"},
        {"ds_config", Kind::kText, false, "", 0, 0, "", "ds_config.json"},
        {"model", Kind::kText, false, "", 0, 0, "", "directory or GGUF file"},
        {"prompts", Kind::kText, false, "", 0, 0, "", "prompts.jsonl"},
        {"max_new_tokens", Kind::kNumber, false, "", 1, kMost, "", "tokens of each prompt, at most"},
        {"threads", Kind::kNumber, false, "", 1, kMaxCpus, "", "of each stage"},
        {"stages_per_node", Kind::kNumber, false, "1", 1, kMaxCpus, "", "stages on each node; without Slurm all"},
        {"nodes", Kind::kNumber, true, "", 1, kMostStages, "", "nodes, in place of stages"},
        {"stage_options", Kind::kText, true, "", 0, 0, "", "further options of inferstep stage"},
        {"reference", Kind::kText, false, "auto", 0, 0, "", "completions to compare with; auto, or none"},
        {"wall_time", Kind::kText, false, "01:00:00", 0, 0, "", "time limit of a point and of batch jobs"},
    };
}

ReadyFlag stages(bool list, const char* value) {
    return {"stages", Kind::kNumber, list, value, 1, kMostStages, "", "stages of the pipeline"};
}
ReadyFlag prompt_limit() { return {"prompt_limit", Kind::kNumber, false, "20", 1, kMost, "", "prompts of each point"}; }
ReadyFlag precision() { return {"precision", Kind::kChoice, false, "", 0, 0, "bf16|int8|int4", "of the weights"}; }
ReadyFlag groups() { return {"groups", Kind::kNumber, false, "", 1, kMaxCpus, "", "groups of sequences in flight"}; }
ReadyFlag batch_size() { return {"batch_size", Kind::kNumber, false, "", 1, 65'536, "", "sequences of a group"}; }

std::vector<ReadyFlag> own(std::string_view kind) {
    if (kind == kStrongKind) {
        return {stages(true, "[1,2,4]"), prompt_limit(), precision(), groups(), batch_size()};
    }
    if (kind == kWeakKind) {
        return {stages(true, "[1,2,4]"),
                {"prompts_per_stage", Kind::kNumber, false, "5", 1, kMost / 1000, "", "prompts of each stage"},
                precision(),
                groups(),
                batch_size()};
    }
    if (kind == kBatchKind) {
        return {stages(false, "2"),
                prompt_limit(),
                precision(),
                groups(),
                {"batch_sizes", Kind::kNumber, true, "[1,2,4,8]", 1, 65'536, "", "sequences of a group"}};
    }
    if (kind == kOptimizationKind) {
        return {stages(false, "2"),
                prompt_limit(),
                batch_size(),
                {"changes", Kind::kChoice, true, "[kv_cache,groups,int8,int4]", 0, 0, "kv_cache|groups|int8|int4",
                 "what is changed, one after the other"}};
    }
    return {stages(false, "2"),
            prompt_limit(),
            precision(),
            groups(),
            batch_size(),
            {"splits", Kind::kText, true, "auto", 0, 0, "", "layers of each stage, such as 13+13; auto, or all"},
            {"layers", Kind::kNumber, false, "", 1, 100'000, "", "layers of the model, where it cannot be read here"}};
}

}  // namespace

std::vector<ReadyFlag> pipeline_flags(std::string_view kind) {
    std::vector<ReadyFlag> all;
    for (const char* name : {kStrongKind, kWeakKind, kBatchKind, kOptimizationKind, kPartitionsKind}) {
        if (kind == name) {
            all = common(name);
            const std::vector<ReadyFlag> more = own(kind);
            all.insert(all.begin() + 2, more.begin(), more.end());
        }
    }
    return all;
}

}  // namespace inferstep::sweep
