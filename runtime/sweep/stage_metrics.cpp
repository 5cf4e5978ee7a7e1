#include "sweep/stage_metrics.hpp"

#include <cmath>

namespace inferstep::sweep {
namespace {

class Metrics {
   public:
    explicit Metrics(const std::string& file) : file_(file) {}
    void add(const std::string& name, double value, const char* unit, const char* better) {
        if (std::isfinite(value)) {
            all.push_back({name, unit, value, better, file_, 0});
        }
    }
    void add(const std::string& name, const StageLatency& latency) {
        add(name + "_p50", latency.p50, "s", "lower");
        add(name + "_p90", latency.p90, "s", "lower");
        add(name + "_p99", latency.p99, "s", "lower");
    }
    std::vector<Metric> all;

   private:
    const std::string& file_;
};

void add_comparison(const StageComparison& comparison, Metrics& metrics) {
    metrics.add("compared", comparison.prompts, "prompts", "higher");
    metrics.add("identical", comparison.identical, "prompts", "higher");
    metrics.add("token_agreement", comparison.token_agreement, "", "higher");
    metrics.add("perplexity_delta", comparison.perplexity_delta, "", "lower");
}

}  // namespace

std::vector<Metric> stage_metrics(const StageRecord& record, const std::string& file) {
    Metrics metrics(file);
    metrics.add("tokens_per_s", record.tokens_per_s, "tokens/s", "higher");
    metrics.add("run", record.run_s, "s", "lower");
    metrics.add("wall", record.wall_s, "s", "lower");
    metrics.add("prompts_per_s", record.prompts_per_s, "prompts/s", "higher");
    metrics.add("completed", record.completed, "prompts", "higher");
    metrics.add("generated_tokens", record.generated_tokens, "tokens", "higher");
    metrics.add("ttft", record.ttft);
    metrics.add("tpot", record.tpot);
    metrics.add("itl", record.itl);
    metrics.add("bubble_fraction", record.bubble_fraction, "", "lower");
    metrics.add("load", record.largest(&StageRank::load_s), "s", "lower");
    metrics.add("io", record.largest(&StageRank::io_s), "s", "lower");
    metrics.add("preprocess", record.largest(&StageRank::preprocess_s), "s", "lower");
    metrics.add("send", record.largest(&StageRank::send_s), "s", "lower");
    metrics.add("receive_wait", record.largest(&StageRank::wait_s), "s", "lower");
    metrics.add("stage_memory", record.largest(&StageRank::memory_bytes), "bytes", "lower");
    metrics.add("bandwidth_share", record.bandwidth_share(), "", "higher");
    if (record.comparison) {
        add_comparison(*record.comparison, metrics);
    }
    return metrics.all;
}

}  // namespace inferstep::sweep
