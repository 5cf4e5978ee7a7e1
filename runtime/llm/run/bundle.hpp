// The numbers of a run: a rank's, which are the last line of its log, and all ranks' together, metrics.json and
// metrics.csv. man/inferstep-metrics.5 is their description (inferstep-stage/1).
#pragma once

#include <string>
#include <vector>

#include "core/json.hpp"
#include "core/result.hpp"
#include "core/step.hpp"
#include "llm/files/model_files.hpp"
#include "llm/run/meters.hpp"
#include "llm/run/run_plan.hpp"
#include "llm/run/stage_settings.hpp"

namespace inferstep::llm {

// What a rank knows of itself besides what its engine measured.
struct RankFacts {
    StepIdentity id;
    std::string role;  // "stage 0 of 2", "idle"
    std::string device, isa, transport_out;
    double wall_s = 0, load_s = 0, io_s = 0, preprocess_s = 0, warm_up_s = 0, score_s = 0;
    double gpu_utilization = -1;  // 0 … 1; -1: no GPU, or not known
    std::size_t gpu_memory_bytes = 0;
    double cpu_utilization = 0;  // CPU seconds over run_s and threads
    int threads = 0;
    std::size_t weight_bytes = 0, cache_bytes = 0, read_bytes = 0, loaded_bytes = 0;
    std::size_t memory_peak_bytes = 0;
    double reference_read_bytes_s = 0;
    bool read_cached = false;  // so few weights that caches may have them: no rate of memory
    int completed = 0;         // prompts that this rank wrote
    std::string error;
};

// Members that only one rank has are "tokens" (the first stage's) and "comparison" (the last one's).
Json rank_json(const RankFacts& facts, const RunPlan& plan, const Meters& meters);
Json tokens_json(const TokenTimes& tokens, const Meters& meters, std::int64_t prompt_tokens, int prompts);

// `ranks`: of those that left one. The members of one rank become members of the whole.
Json bundle_json(const StageSettings& settings, const ModelFiles* model, const RunPlan& plan, const StepIdentity& id,
                 const std::vector<Json>& ranks);
// metrics.json and metrics.csv in `directory`.
Status write_metrics(const std::string& directory, const Json& bundle);
// The last lines of the logs in `directory` that are of this step.
std::vector<Json> read_rank_summaries(const std::string& directory, const StepIdentity& id);
// The table that rank 0 shows at the end.
std::string bundle_text(const Json& bundle, const std::string& directory);

}  // namespace inferstep::llm
