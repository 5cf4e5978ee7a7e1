// The bundle as CSV, and as people read it.
#include <algorithm>

#include "core/file.hpp"
#include "core/progress.hpp"
#include "core/text.hpp"
#include "llm/run/bundle.hpp"

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
                                    "gpu_utilization",
                                    "gpu_memory_bytes",
                                    "memory_peak_bytes",
                                    "weight_bytes",
                                    "cache_bytes",
                                    "read_GBs",
                                    "reference_read_GBs",
                                    "read_ratio",
                                    "completed",
                                    "errors"};
// Of the run, in a last row whose rank is "all"; percentiles are members of members: ttft_s.p50 is column ttft_s_p50.
constexpr const char* kTotals[] = {"prompts", "prompt_tokens", "generated_tokens", "tokens_per_s", "prompts_per_s"};
constexpr const char* kTimes[] = {"ttft_s", "ttft_from_start_s", "tpot_s", "itl_s"};
constexpr const char* kOfTimes[] = {"mean", "p50", "p90", "p99"};

bool is_text(std::string_view column) { return column == "node" || column == "layers" || column == "transport"; }

// Nothing where it is not known, such as the use of a GPU that is none.
std::string number_text(const Json& json, const char* key) {
    return json.copy_of(key).is_number() ? fmt::format("{:.12g}", json.number(key)) : "";
}

std::string totals_row(const Json& totals) {
    std::vector<std::string> row = {"all"};
    for (const char* column : kColumns) {
        if (column != kColumns[0]) {
            row.push_back(number_text(totals, column));
        }
    }
    for (const char* column : kTotals) {
        row.push_back(number_text(totals, column));
    }
    for (const char* times : kTimes) {
        for (const char* of : kOfTimes) {
            row.push_back(number_text(totals.copy_of(times), of));
        }
    }
    return fmt::format("{}\n", fmt::join(row, ","));
}

std::string csv_text(const Json& bundle) {
    std::vector<std::string> header(std::begin(kColumns), std::end(kColumns));
    header.insert(header.end(), std::begin(kTotals), std::end(kTotals));
    for (const char* times : kTimes) {
        for (const char* of : kOfTimes) {
            header.push_back(fmt::format("{}_{}", times, of));
        }
    }
    const std::size_t of_run = header.size() - std::size(kColumns);
    std::string text = fmt::format("{}\n", fmt::join(header, ","));
    for (const Json& rank : bundle.copy_of("ranks").items()) {
        std::vector<std::string> row;
        for (const char* column : kColumns) {
            row.push_back(is_text(column) ? rank.text(column) : number_text(rank, column));
        }
        text += fmt::format("{}{}\n", fmt::join(row, ","), std::string(of_run, ','));
    }
    return text + totals_row(bundle.copy_of("totals"));
}

constexpr std::size_t kNodeWidth = 12;

// As wide as the longest has it: "embed + 0-25 + norm + head" is no use in part.
std::size_t layers_width(const std::vector<Json>& ranks) {
    std::size_t width = std::string_view("layers").size();
    for (const Json& rank : ranks) {
        width = std::max(width, rank.text("layers").size());
    }
    return width;
}

std::string stage_row(const Json& rank, std::size_t layers) {
    const double run = rank.number("run_s");
    const auto share = [&](const char* key) { return run > 0 ? 100 * rank.number(key) / run : 0; };
    return fmt::format("{:>5}  {:<{}} {:<{}} {:>9.1f} {:>8.1f} {:>6.1f} {:>7.2f} {:>6.2f}\n", rank.number("rank"),
                       shortened(rank.text("node"), kNodeWidth), kNodeWidth, rank.text("layers"), layers,
                       share("compute_s"), share("bubble_s"), share("send_s"), rank.number("read_GBs"),
                       rank.number("read_ratio"));
}

// Three digits that mean something, also of a model that answers in less than a millisecond.
std::string short_time(double seconds) {
    constexpr double kMilli = 1e3;
    return seconds < 0.9995 ? fmt::format("{:.3g} ms", seconds * kMilli) : duration_text(seconds);
}

std::string times_row(const char* name, const Json& times) {
    return fmt::format("{:<6} p50 {}, p90 {}, p99 {}\n", name, short_time(times.number("p50")),
                       short_time(times.number("p90")), short_time(times.number("p99")));
}

}  // namespace

Status write_metrics(const std::string& directory, const Json& bundle) {
    if (Status s = write_file(directory + "/metrics.json", bundle.dump() + "\n"); !s) {
        return s;
    }
    return write_file(directory + "/metrics.csv", csv_text(bundle));
}

std::string bundle_text(const Json& bundle, const std::string& directory) {
    const std::vector<Json> ranks = bundle.copy_of("ranks").items();
    const std::size_t layers = layers_width(ranks);
    std::string text = fmt::format("{:>5}  {:<{}} {:<{}} {:>9} {:>8} {:>6} {:>7} {:>6}\n", "rank", "node", kNodeWidth,
                                   "layers", layers, "compute %", "bubble %", "send %", "GB/s", "ratio");
    for (const Json& rank : ranks) {
        text += rank.number("stage", -1) >= 0 ? stage_row(rank, layers) : "";
    }
    const Json totals = bundle.copy_of("totals");
    text += fmt::format("{} of {} complete, {} in {}: {:.2f} tokens/s\n", totals.number("completed"),
                        counted(static_cast<long>(totals.number("prompts")), "prompt"),
                        counted(static_cast<long>(totals.number("generated_tokens")), "token"),
                        duration_text(totals.number("run_s")), totals.number("tokens_per_s"));
    if (bundle.copy_of("limits").copy_of("read_cached").is_true()) {
        text += "GB/s: the weights of a stage may lie in caches, so these are no rates of the machine's memory\n";
    }
    text += times_row("TTFT", totals.copy_of("ttft_s")) + times_row("TPOT", totals.copy_of("tpot_s"));
    if (bundle.has("comparison")) {
        text += comparison_text(bundle.copy_of("comparison"));
    }
    return text + "records: " + directory + "\n";
}

}  // namespace inferstep::llm
