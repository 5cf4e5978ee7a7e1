// A step of `inferstep stage`: metrics.json has what its ranks measured, completions_rank_N.jsonl what came out.
#include <algorithm>
#include <set>

#include "core/file.hpp"
#include "core/log.hpp"
#include "report/read_parts.hpp"
#include "sweep/stage_metrics.hpp"

namespace inferstep::report {
namespace {

// Settings that tell runs apart. The others stand in the record.
constexpr const char* kParameters[] = {"stages",   "split",         "batch_size",     "groups",    "format",
                                       "kv_cache", "prefill_chunk", "max_new_tokens", "transport", "device"};

bool is_completions(std::string_view name) { return rank_of(name, "completions_rank_", ".jsonl") >= 0; }

// What a point of a sweep would have told.
void stand_alone(const std::string& path, Execution& execution) {
    for (const auto& [name, value] : execution.stages->settings) {
        if (std::find(std::begin(kParameters), std::end(kParameters), name) != std::end(kParameters)) {
            execution.parameters.emplace_back(name, value);
        }
    }
    for (const sweep::Metric& metric : sweep::stage_metrics(*execution.stages, path)) {
        execution.metrics.push_back({metric.name, metric.unit, metric.better == "higher", metric.value, {path, 0}});
    }
    execution.seconds = execution.stages->wall_s;
}

void count_ranks(Execution& execution) {
    std::set<std::string> nodes;
    for (const sweep::StageRank& rank : execution.stages->ranks) {
        nodes.insert(rank.node);
    }
    execution.nodes = std::max(execution.nodes, static_cast<int>(nodes.size()));
    execution.tasks = std::max(execution.tasks, static_cast<int>(execution.stages->ranks.size()));
    execution.work = execution.stages->completed;
    execution.work_unit = "prompts";
}

}  // namespace

Result<bool> read_stage(const std::string& directory, const std::vector<std::string>& names, bool alone,
                        Execution& execution, Notes& notes) {
    const std::string path = directory + "/" + sweep::kStageFile;
    const Result<Json> json = exists(path) ? read_json(path) : Result<Json>(Json::object());
    const bool ours = json && json->text("schema").starts_with("inferstep-stage/");
    const bool completed = std::any_of(names.begin(), names.end(), is_completions);
    if (!ours && !completed) {
        return false;
    }
    for (const std::string& name : names) {
        const std::string file = fmt::format("{}/{}", directory, name);
        if (rank_of(name, "rank_", ".log") >= 0) {
            execution.logs.push_back({file, 0});
        } else if (is_completions(name)) {
            execution.completions.push_back(file);
        }
    }
    if (!ours) {
        notes.add(
            "stages without metrics", {path, 0},
            json ? "the run left completions and no metrics.json: it did not come to its end" : json.error().message);
        return true;
    }
    if (Status s = check_schema(path, *json, sweep::kStageSchema); !s) {
        return s.error();
    }
    execution.stages = sweep::stage_record(*json);
    for (const std::string& error : execution.stages->errors) {
        notes.add("runs of stages with errors", {path, line_of(path, "errors")}, error);
    }
    if (alone) {
        stand_alone(path, execution);
    }
    count_ranks(execution);
    return true;
}

}  // namespace inferstep::report
