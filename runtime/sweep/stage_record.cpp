#include "sweep/stage_record.hpp"

#include <algorithm>
#include <cmath>

#include "core/log.hpp"

namespace inferstep::sweep {
namespace {

// A number that fits into an int, else -1.
int small(const Json& json, const char* key) {
    const double value = json.number(key, -1);
    return value >= 0 && value <= 1e8 ? static_cast<int>(value) : -1;
}

std::string shown(const Json& value) {
    const std::string text = value.as_text();
    return printable(text.empty() ? value.dump(false) : text);
}

StageRank rank_of(const Json& json) {
    StageRank rank;
    rank.rank = small(json, "rank");
    rank.stage = small(json, "stage");
    rank.node = printable(json.text("node"));
    rank.layers = json.has("layers") ? shown(json.copy_of("layers")) : "";
    const std::pair<const char*, double StageRank::*> members[] = {
        {"wall_s", &StageRank::wall_s},
        {"run_s", &StageRank::run_s},
        {"load_s", &StageRank::load_s},
        {"io_s", &StageRank::io_s},
        {"preprocess_s", &StageRank::preprocess_s},
        {"prefill_s", &StageRank::prefill_s},
        {"decode_s", &StageRank::decode_s},
        {"compute_s", &StageRank::compute_s},
        {"send_s", &StageRank::send_s},
        {"receive_wait_s", &StageRank::wait_s},
        {"bubble_s", &StageRank::bubble_s},
        {"bubble_fraction", &StageRank::bubble_fraction},
        {"bytes_sent", &StageRank::bytes_sent},
        {"cpu_utilization", &StageRank::cpu_utilization},
        {"gpu_utilization", &StageRank::gpu_utilization},
        {"memory_peak_bytes", &StageRank::memory_bytes},
        {"weight_bytes", &StageRank::weight_bytes},
        {"cache_bytes", &StageRank::cache_bytes},
        {"read_GBs", &StageRank::read_gbs},
        {"reference_read_GBs", &StageRank::reference_gbs},
    };
    for (const auto& [key, member] : members) {
        rank.*member = json.number(key, kNotThere);
    }
    return rank;
}

StageLatency latency_of(const Json& json) {
    return {json.number("p50", kNotThere), json.number("p90", kNotThere), json.number("p99", kNotThere),
            json.number("mean", kNotThere)};
}

StageComparison comparison_of(const Json& json) {
    StageComparison comparison;
    comparison.reference = printable(json.text("reference"));
    comparison.prompts = json.number("prompts", kNotThere);
    comparison.identical = json.number("identical", kNotThere);
    comparison.token_agreement = json.number("token_agreement", kNotThere);
    comparison.perplexity = json.number("perplexity", kNotThere);
    comparison.reference_perplexity = json.number("reference_perplexity", kNotThere);
    comparison.perplexity_delta = json.number("perplexity_delta", kNotThere);
    for (const Json& one : json.copy_of("first_divergence").items()) {
        comparison.first_divergence.emplace_back(small(one, "prompt_index"), small(one, "position"));
    }
    return comparison;
}

void take_totals(const Json& totals, StageRecord& record) {
    const std::pair<const char*, double StageRecord::*> members[] = {
        {"prompts", &StageRecord::prompts},
        {"completed", &StageRecord::completed},
        {"prompt_tokens", &StageRecord::prompt_tokens},
        {"generated_tokens", &StageRecord::generated_tokens},
        {"wall_s", &StageRecord::wall_s},
        {"run_s", &StageRecord::run_s},
        {"tokens_per_s", &StageRecord::tokens_per_s},
        {"prompts_per_s", &StageRecord::prompts_per_s},
        {"bubble_fraction", &StageRecord::bubble_fraction},
    };
    for (const auto& [key, member] : members) {
        record.*member = totals.number(key, kNotThere);
    }
    record.ttft = latency_of(totals.copy_of("ttft_s"));
    record.tpot = latency_of(totals.copy_of("tpot_s"));
    record.itl = latency_of(totals.copy_of("itl_s"));
}

}  // namespace

double StageRecord::largest(double StageRank::*member) const {
    double most = kNotThere;
    for (const StageRank& rank : ranks) {
        most = rank.stage >= 0 ? std::fmax(most, rank.*member) : most;
    }
    return most;
}

double StageRecord::bandwidth_share() const {
    double least = kNotThere;
    for (const StageRank& rank : ranks) {
        if (rank.stage >= 0 && rank.reference_gbs > 0) {
            least = std::fmin(least, rank.read_gbs / rank.reference_gbs);
        }
    }
    return least;
}

StageRecord stage_record(const Json& json) {
    StageRecord record;
    record.model = printable(json.copy_of("model").text("name"));
    const Json settings = json.copy_of("settings");
    for (const std::string& key : settings.keys()) {
        record.settings.emplace_back(printable(key), shown(settings.copy_of(key.c_str())));
    }
    for (const Json& rank : json.copy_of("ranks").items()) {
        record.ranks.push_back(rank_of(rank));
    }
    std::stable_sort(record.ranks.begin(), record.ranks.end(),
                     [](const StageRank& a, const StageRank& b) { return a.stage < b.stage; });
    take_totals(json.copy_of("totals"), record);
    if (json.has("comparison")) {
        record.comparison = comparison_of(json.copy_of("comparison"));
    }
    for (const Json& error : json.copy_of("errors").items()) {
        record.errors.push_back(printable(error.as_text()));
    }
    return record;
}

}  // namespace inferstep::sweep
