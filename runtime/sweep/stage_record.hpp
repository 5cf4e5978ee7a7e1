// metrics.json of `inferstep stage`, schema inferstep-stage/1, as far as sweeps and reports look at it. What is not in
// it is NaN; man/inferstep-metrics.5 says what each number is.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/json.hpp"
#include "core/result.hpp"

namespace inferstep::sweep {

constexpr const char* kStageSchema = "inferstep-stage/1";
constexpr const char* kStageFile = "metrics.json";
constexpr double kNotThere = std::numeric_limits<double>::quiet_NaN();

// What one rank did. Seconds, bytes, GB/s (10^9). The run is generating, without loading.
struct StageRank {
    int rank = -1;
    int stage = -1;  // -1: the rank had none
    std::string node;
    std::string layers;
    double wall_s = kNotThere, run_s = kNotThere, load_s = kNotThere, io_s = kNotThere, preprocess_s = kNotThere;
    double prefill_s = kNotThere, decode_s = kNotThere, compute_s = kNotThere;
    double send_s = kNotThere, wait_s = kNotThere, bubble_s = kNotThere, bubble_fraction = kNotThere;
    double bytes_sent = kNotThere, cpu_utilization = kNotThere, gpu_utilization = kNotThere;
    double memory_bytes = kNotThere, weight_bytes = kNotThere, cache_bytes = kNotThere;
    double read_gbs = kNotThere, reference_gbs = kNotThere;  // achieved, and measured in the same minute
};

struct StageLatency {
    double p50 = kNotThere, p90 = kNotThere, p99 = kNotThere, mean = kNotThere;
};

struct StageComparison {
    std::string reference;
    double prompts = kNotThere, identical = kNotThere, token_agreement = kNotThere;
    double perplexity = kNotThere, reference_perplexity = kNotThere, perplexity_delta = kNotThere;
    std::vector<std::pair<int, int>> first_divergence;  // prompt and position of its first other token
};

struct StageRecord {
    std::string model;                                          // its name
    std::vector<std::pair<std::string, std::string>> settings;  // as texts, in their order
    std::vector<StageRank> ranks;
    double prompts = kNotThere, completed = kNotThere, prompt_tokens = kNotThere, generated_tokens = kNotThere;
    double wall_s = kNotThere, run_s = kNotThere, tokens_per_s = kNotThere, prompts_per_s = kNotThere,
           bubble_fraction = kNotThere;
    StageLatency ttft, tpot, itl;
    std::optional<StageComparison> comparison;
    std::vector<std::string> errors;

    // Over the ranks that have a stage; NaN where none has the number.
    double largest(double StageRank::*member) const;
    // Of the rank that comes least near the bandwidth measured beside it: achieved over measured.
    double bandwidth_share() const;
};

StageRecord stage_record(const Json& json);

}  // namespace inferstep::sweep
