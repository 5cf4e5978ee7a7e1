#include "llm/run/bundle.hpp"

#include <algorithm>

#include "core/file.hpp"
#include "core/rank_times.hpp"
#include "core/stats.hpp"
#include "core/version.hpp"
#include "llm/stage/formats.hpp"

namespace inferstep::llm {
namespace {

Json percentiles(const std::vector<double>& times) {
    Json json = Json::object();
    json.set("count", times.size()).set("mean", mean(times));
    json.set("p50", percentile(times, 0.50)).set("p90", percentile(times, 0.90)).set("p99", percentile(times, 0.99));
    return json;
}

double ratio(double a, double b) { return b > 0 ? a / b : 0; }

constexpr double kGiga = 1e9;

void set_times(Json& json, const RankFacts& f, const Meters& m) {
    json.set("wall_s", f.wall_s).set("run_s", m.run_s);
    json.set("load_s", f.load_s).set("io_s", f.io_s).set("preprocess_s", f.preprocess_s);
    json.set("warm_up_s", f.warm_up_s).set("score_s", f.score_s);
    json.set("prefill_s", m.prefill_s).set("decode_s", m.decode_s).set("compute_s", m.prefill_s + m.decode_s);
    json.set("send_s", m.send_s).set("receive_wait_s", m.receive_wait_s);
    json.set("bubble_s", m.bubble_s).set("bubble_fraction", ratio(m.bubble_s, m.run_s));
    json.set("batches", m.batches).set("prefill_rows", m.prefill_rows).set("decode_rows", m.decode_rows);
    json.set("bytes_sent", m.bytes_sent);
}

void set_memory(Json& json, const RankFacts& f, const Meters& m) {
    // Only batches of decode rows: those of prompts are bound by computing.
    const double read =
        ratio(static_cast<double>(f.read_bytes) * static_cast<double>(m.decode_batches), m.decode_batches_s);
    json.set("cpu_utilization", f.cpu_utilization);
    if (f.gpu_utilization >= 0) {
        json.set("gpu_utilization", f.gpu_utilization);
    } else {
        json.set("gpu_utilization", Json::object().copy_of("none"));
    }
    json.set("gpu_memory_bytes", f.gpu_memory_bytes);
    json.set("memory_peak_bytes", f.memory_peak_bytes);
    json.set("weight_bytes", f.weight_bytes).set("cache_bytes", f.cache_bytes).set("read_bytes", f.read_bytes);
    json.set("loaded_bytes", f.loaded_bytes);
    json.set("load_GBs", ratio(static_cast<double>(f.loaded_bytes), f.load_s) / kGiga);
    json.set("read_GBs", read / kGiga).set("reference_read_GBs", f.reference_read_bytes_s / kGiga);
    json.set("read_ratio", ratio(read, f.reference_read_bytes_s)).set("read_cached", f.read_cached);
}

Json model_json(const ModelFiles* model, const StageSettings& settings) {
    Json json = Json::object();
    json.set("path", settings.model);
    if (model != nullptr) {
        const Shape& s = model->shape();
        const std::int64_t ends = s.head_parameters() * (s.tied_head ? 1 : 2);
        const std::int64_t norms = std::int64_t{s.hidden} * (2 * s.layers + 1);
        json.set("name", settings.model_name.empty() ? s.name : settings.model_name);
        json.set("format", model->format()).set("formats", formats_json(weight_formats(*model, settings.format)));
        json.set("parameters", s.layer_parameters() * s.layers + ends + norms);
        json.set("layers", s.layers).set("hidden", s.hidden).set("head_dim", s.head_dim).set("vocab", s.vocab);
        json.set("context", s.context);
    }
    return json;
}

// `format` is what the layers lie in, which is not what was asked for where the file has blocks of its own.
Json settings_json(const StageSettings& s, const ModelFiles* model, const RunPlan& plan) {
    Json split = Json::array();
    for (const LayerRange& range : plan.ranges) {
        split.push(static_cast<double>(range.last - range.first));
    }
    Json json = Json::object();
    json.set("stages", plan.stages).set("split", std::move(split));
    json.set("batch_size", s.batch_size).set("groups", plan.limits.groups);
    json.set("format", name_of(model != nullptr ? weight_formats(*model, s.format).layers : s.format));
    json.set("precision", name_of(s.format)).set("threads", s.threads).set("prefill_chunk", s.prefill_chunk);
    json.set("kv_cache", s.kv_cache).set("max_new_tokens", s.max_new_tokens).set("ignore_eos", s.ignore_eos);
    json.set("temperature", s.sampling.temperature).set("top_p", s.sampling.top_p);
    json.set("seed", static_cast<double>(s.sampling.seed));
    json.set("context", plan.limits.context).set("transport", s.transport).set("device", s.device);
    json.set("isa", s.isa).set("local_debug", s.local_debug).set("variant", s.variant).set("prompts", s.prompts);
    return json;
}

// The sums over the stages, and what only one of them knows.
Json totals_json(const std::vector<Json>& ranks) {
    Json totals = Json::object();
    double completed = 0;
    double wall = 0;
    double bubble = 0;
    double run = 0;
    double weights = 0;
    double sent = 0;
    for (const Json& rank : ranks) {
        completed += rank.number("completed");
        wall = std::max(wall, rank.number("wall_s"));
        bubble += rank.number("bubble_s");
        run += rank.number("run_s");
        weights += rank.number("weight_bytes");
        sent += rank.number("bytes_sent");
        if (rank.has("tokens")) {
            totals = rank.copy_of("tokens");
        }
    }
    totals.set("completed", completed).set("wall_s", wall);
    totals.set("prompts_per_s", ratio(completed, totals.number("run_s")));
    totals.set("bubble_fraction", ratio(bubble, run));
    totals.set("weight_bytes", weights).set("bytes_sent", sent);
    return totals;
}

// What all stages read together in the time that the slowest one's decoding takes, and what they could have; not what
// the machine's memory could, where the weights of one may lie in caches.
Json limits_json(const std::vector<Json>& ranks) {
    double read = 0;
    double limit = 0;
    bool cached = false;
    for (const Json& rank : ranks) {
        read += rank.number("read_GBs");
        limit += rank.number("reference_read_GBs");
        cached = cached || rank.copy_of("read_cached").is_true();
    }
    Json json = Json::object();
    json.set("read_GBs", limit).set("achieved_GBs", read).set("read_cached", cached);
    return json;
}

Json without(const Json& rank, const std::vector<std::string>& left_out) {
    Json json = Json::object();
    for (const std::string& key : rank.keys()) {
        if (std::find(left_out.begin(), left_out.end(), key) == left_out.end()) {
            json.set(key.c_str(), rank.copy_of(key.c_str()));
        }
    }
    return json;
}

}  // namespace

Json rank_json(const RankFacts& f, const RunPlan& plan, const Meters& meters) {
    Json json = Json::object();
    json.set("schema", "inferstep-stage-rank/1").set("step", step_name(f.id));
    json.set("rank", f.id.rank).set("ranks", f.id.ranks).set("node", f.id.node);
    if (plan.stage >= 0 && plan.stage < static_cast<int>(plan.ranges.size())) {
        json.set("stage", plan.stage).set("layers", range_text(plan.range()));
    } else {
        json.set("stage", -1).set("layers", "");
    }
    json.set("device", f.device).set("isa", f.isa).set("threads", f.threads).set("transport", f.transport_out);
    set_times(json, f, meters);
    set_memory(json, f, meters);
    json.set("completed", f.completed);
    json.set("errors", f.error.empty() ? 0 : 1).set("error", f.error);
    return json;
}

Json tokens_json(const TokenTimes& tokens, const Meters& m, std::int64_t prompt_tokens, int prompts) {
    Json json = Json::object();
    json.set("prompts", prompts).set("prompt_tokens", prompt_tokens).set("generated_tokens", tokens.tokens());
    json.set("run_s", m.run_s).set("tokens_per_s", ratio(static_cast<double>(tokens.tokens()), m.run_s));
    json.set("ttft_s", percentiles(tokens.first_token()));
    json.set("ttft_from_start_s", percentiles(tokens.first_token_of_run()));
    json.set("tpot_s", percentiles(tokens.per_token()));
    json.set("itl_s", percentiles(tokens.gaps()));
    return json;
}

Json bundle_json(const StageSettings& settings, const ModelFiles* model, const RunPlan& plan, const StepIdentity& id,
                 const std::vector<Json>& ranks) {
    Json step = Json::object();
    step.set("job", id.job).set("step", id.step).set("restart", id.restart);
    step.set("ranks", id.ranks).set("nodes", id.nodes);
    Json list = Json::array();
    Json errors = Json::array();
    Json bundle = Json::object();
    bundle.set("schema", "inferstep-stage/1").set("command", Json::list(settings.command));
    bundle.set("versions", version_json());
    bundle.set("step", std::move(step)).set("settings", settings_json(settings, model, plan));
    for (const Json& rank : ranks) {
        list.push(without(rank, {"schema", "tokens", "comparison"}));
        if (rank.has("comparison")) {
            bundle.set("comparison", rank.copy_of("comparison"));
        }
        if (!rank.text("error").empty()) {
            errors.push(
                fmt::format("rank {} on node {}: {}", rank.number("rank"), rank.text("node"), rank.text("error")));
        }
    }
    Json totals = totals_json(ranks);
    Json about = model_json(model, settings);
    about.set("weight_bytes", totals.number("weight_bytes"));
    bundle.set("model", std::move(about)).set("ranks", std::move(list)).set("totals", std::move(totals));
    bundle.set("errors", std::move(errors)).set("limits", limits_json(ranks));
    return bundle;
}

std::vector<Json> read_rank_summaries(const std::string& directory, const StepIdentity& id) {
    constexpr std::size_t kTail = std::size_t{64} << 10U;
    std::vector<Json> list;
    for (int rank = 0; rank < id.ranks; ++rank) {
        const Result<std::string> tail = read_tail(rank_path(directory, rank, "log"), kTail);
        if (!tail || tail->empty() || tail->back() != '\n') {
            continue;
        }
        const std::size_t end = tail->size() - 1;
        const std::size_t before = end == 0 ? std::string::npos : tail->rfind('\n', end - 1);
        const std::string line = tail->substr(before == std::string::npos ? 0 : before + 1);
        Result<Json> json = Json::parse(line, "summary");
        if (json && json->text("step") == step_name(id) && json->number("rank", -1) == rank) {
            list.push_back(std::move(*json));
        }
    }
    return list;
}

}  // namespace inferstep::llm
