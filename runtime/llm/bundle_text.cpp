// The bundle as CSV, and as people read it.
#include <algorithm>

#include "core/file.hpp"
#include "core/progress.hpp"
#include "core/text.hpp"
#include "llm/bundle.hpp"

namespace inferstep::llm {
namespace {

// Numbers and texts of the rank, one column each; the same for every rank.
constexpr const char* kColumns[] = {"rank",
                                    "node",
                                    "stage",
                                    "layers",
                                    "wall_s",
                                    "run_s",
                                    "load_s",
                                    "io_s",
                                    "preprocess_s",
                                    "warm_up_s",
                                    "prefill_s",
                                    "decode_s",
                                    "compute_s",
                                    "send_s",
                                    "receive_wait_s",
                                    "bubble_s",
                                    "bubble_fraction",
                                    "batches",
                                    "prefill_rows",
                                    "decode_rows",
                                    "bytes_sent",
                                    "transport",
                                    "cpu_utilization",
                                    "memory_peak_bytes",
                                    "weight_bytes",
                                    "cache_bytes",
                                    "read_GBs",
                                    "reference_read_GBs",
                                    "read_ratio",
                                    "completed",
                                    "errors"};

bool is_text(std::string_view column) { return column == "node" || column == "layers" || column == "transport"; }

std::string csv_text(const Json& bundle) {
    std::string text = fmt::format("{}\n", fmt::join(kColumns, ","));
    for (const Json& rank : bundle.copy_of("ranks").items()) {
        std::string row;
        for (const char* column : kColumns) {
            row += row.empty() ? "" : ",";
            row += is_text(column) ? rank.text(column) : fmt::format("{:.12g}", rank.number(column));
        }
        text += row + "\n";
    }
    return text;
}

std::string stage_row(const Json& rank) {
    const double run = rank.number("run_s");
    const auto share = [&](const char* key) { return run > 0 ? 100 * rank.number(key) / run : 0; };
    return fmt::format("{:>5}  {:<12} {:<22} {:>7.1f} {:>7.1f} {:>7.1f} {:>7.2f} {:>6.2f}\n", rank.number("rank"),
                       shortened(rank.text("node"), 12), shortened(rank.text("layers"), 22), share("compute_s"),
                       share("bubble_s"), share("send_s"), rank.number("read_GBs"), rank.number("read_ratio"));
}

std::string times_row(const char* name, const Json& times) {
    constexpr double kMilli = 1e3;
    return fmt::format("{:<6} p50 {:.2f} ms, p90 {:.2f} ms, p99 {:.2f} ms\n", name, times.number("p50") * kMilli,
                       times.number("p90") * kMilli, times.number("p99") * kMilli);
}

}  // namespace

Status write_metrics(const std::string& directory, const Json& bundle) {
    if (Status s = write_file(directory + "/metrics.json", bundle.dump() + "\n"); !s) {
        return s;
    }
    return write_file(directory + "/metrics.csv", csv_text(bundle));
}

std::string bundle_text(const Json& bundle, const std::string& directory) {
    std::string text = fmt::format("{:>5}  {:<12} {:<22} {:>7} {:>7} {:>7} {:>7} {:>6}\n", "rank", "node", "layers",
                                   "comp %", "bubbl %", "send %", "GB/s", "ratio");
    for (const Json& rank : bundle.copy_of("ranks").items()) {
        text += rank.number("stage", -1) >= 0 ? stage_row(rank) : "";
    }
    const Json totals = bundle.copy_of("totals");
    text += fmt::format("{} of {} complete, {} in {}: {:.2f} tokens/s\n", totals.number("completed"),
                        counted(static_cast<long>(totals.number("prompts")), "prompt"),
                        counted(static_cast<long>(totals.number("generated_tokens")), "token"),
                        duration_text(totals.number("run_s")), totals.number("tokens_per_s"));
    text += times_row("TTFT", totals.copy_of("ttft_s")) + times_row("TPOT", totals.copy_of("tpot_s"));
    if (bundle.has("comparison")) {
        text += comparison_text(bundle.copy_of("comparison"));
    }
    return text + "records: " + directory + "\n";
}

}  // namespace inferstep::llm
