#include "report/paper_parts.hpp"

#include <algorithm>
#include <cmath>

#include "report/compute_experiment.hpp"
#include "report/compute_grouping.hpp"
#include "report/compute_stages.hpp"
#include "report/numbers.hpp"
#include "report/tables_parts.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

constexpr double kMatters = 0.15;    // of the stages' time: what bounds a run
constexpr double kSaturated = 0.65;  // of the bandwidth measured beside it

bool known(const Value& v) { return std::isfinite(v.value); }

std::string percent_of(double fraction) { return significant(100 * fraction, kDigits) + " %"; }

const Value* metric(const Figures& figures, const Row& row, std::string_view name) {
    for (std::size_t i = 0; i < figures.metrics.size(); ++i) {
        if (figures.metrics[i].name == name && i < row.metrics.size()) {
            return &row.metrics[i];
        }
    }
    return nullptr;
}

std::string cells(const std::vector<std::string>& all) {
    return "| " + fmt::format("{}", fmt::join(all, " | ")) + " |\n";
}

// The stage that computes longest.
const StageFigures* busiest(const Row& row) {
    const std::size_t column = stage_column("compute_s");
    const StageFigures* most = nullptr;
    for (const StageFigures& stage : row.stages) {
        const double seconds = stage.values[column].value;
        most = std::isfinite(seconds) && (most == nullptr || seconds > most->values[column].value) ? &stage : most;
    }
    return most;
}

// How much less than the busiest the stages compute on average.
double imbalance_of(const Row& row) {
    const std::size_t column = stage_column("compute_s");
    double sum = 0;
    double most = 0;
    for (const StageFigures& stage : row.stages) {
        sum += stage.values[column].value;
        most = std::max(most, stage.values[column].value);
    }
    return row.stages.size() > 1 && most > 0 ? 1 - sum / static_cast<double>(row.stages.size()) / most : kUnknown;
}

std::string bound_of(const Row& row, double bandwidth, double imbalance) {
    const Breakdown& b = row.breakdown;
    if (b.bubble.value >= kMatters && !(b.communication.value > b.bubble.value)) {
        return std::isfinite(imbalance) && imbalance >= b.bubble.value / 2
                   ? "bounded by the bubble, since the stages have unequal work"
                   : "bounded by the bubble";
    }
    if (b.communication.value >= kMatters) {
        return "bounded by communication";
    }
    if (bandwidth >= kSaturated) {
        return "bounded by the memory's bandwidth";
    }
    return std::isfinite(bandwidth) ? "bounded by computing, not by the memory's bandwidth" : "bounded by computing";
}

std::string limit_of(const Figures& figures, const Row& row) {
    const StageFigures* stage = busiest(row);
    if (stage == nullptr || !known(row.breakdown.compute)) {
        return fmt::format("- {}: not known; its stages left no times.\n", markdown(name_of(figures, row)));
    }
    const double read = stage->values[stage_column("read_GBs")].value;
    const double reference = stage->values[stage_column("reference_read_GBs")].value;
    const double share = stage->values[stage_column("bandwidth_share")].value;
    const double imbalance = imbalance_of(row);
    std::string text = fmt::format("- {}: {}. Of the stages' time computing is {}, bubble {}, communication {}",
                                   markdown(name_of(figures, row)), bound_of(row, share, imbalance),
                                   percent_of(row.breakdown.compute.value), percent_of(row.breakdown.bubble.value),
                                   percent_of(row.breakdown.communication.value));
    if (std::isfinite(share)) {
        text += fmt::format("; stage {} reads {} of the {} GB/s measured beside it ({})", stage->stage,
                            significant(read, kDigits), significant(reference, kDigits), percent_of(share));
    }
    if (std::isfinite(imbalance)) {
        text += fmt::format("; on average stages compute {} less than the busiest", percent_of(imbalance));
    }
    return text + ".\n";
}

const Row* best_of(const Figures& figures) {
    const Row* best = nullptr;
    for (const Row& row : figures.rows) {
        best = known(row.rate) && (best == nullptr || row.rate.value > best->rate.value) ? &row : best;
    }
    return best;
}

// The plots that tell most of each experiment, and where the stages' time went.
std::vector<std::string> chosen_plots(const PaperExperiment& one) {
    std::vector<std::string> wanted = {"rate"};
    for (const ExperimentColumn& column : one.figures.experiment) {
        std::string key = column.key;
        std::replace(key.begin(), key.end(), '_', '-');
        wanted.push_back("experiment-" + key);
    }
    if (experiment_of(one.kind) == Experiment::kOptimization) {
        wanted = {"rate", "change"};
    }
    wanted.insert(wanted.end(), {"stages-compute", "stages"});
    std::erase_if(wanted, [&](const std::string& stem) {
        return std::find(one.plots.begin(), one.plots.end(), stem) == one.plots.end();
    });
    return wanted;
}

}  // namespace

std::string markdown(const std::string& text) {
    std::string out;
    for (const char c : clean_text(text)) {
        if (std::string_view("\\`*_{}[]<>|#~").find(c) != std::string_view::npos) {
            out += '\\';
        }
        out += c;
    }
    return out;
}

std::string title_of(const std::string& kind) {
    switch (experiment_of(kind)) {
        case Experiment::kStrong:
            return "Strong scaling";
        case Experiment::kWeak:
            return "Weak scaling";
        case Experiment::kBatch:
            return "Sensitivity to the batch size";
        case Experiment::kOptimization:
            return "Optimization";
        case Experiment::kPartitions:
            return "Partitions";
        case Experiment::kNone:
            break;
    }
    return kind;
}

std::string question_of(const std::string& kind) {
    switch (experiment_of(kind)) {
        case Experiment::kStrong:
            return "The same prompts by more and more stages: how much faster are they done?";
        case Experiment::kWeak:
            return "As many more prompts as there are stages: does the time stay the same?";
        case Experiment::kBatch:
            return "More sequences in a group, which read the weights together: how much more comes out?";
        case Experiment::kOptimization:
            return "What does each change bring, on top of those before it? The baseline has bf16 weights, no KV cache "
                   "and one group in flight.";
        case Experiment::kPartitions:
            return "Where should the layers be divided?";
        case Experiment::kNone:
            break;
    }
    return "";
}

std::string results_table(const PaperExperiment& one) {
    const Figures& f = one.figures;
    const bool series = f.series.size() > 1;
    std::vector<std::string> heads = {markdown(series ? "series" : f.x_name), "runs", "time [s]", "tokens/s"};
    for (const ExperimentColumn& column : f.experiment) {
        heads.push_back(markdown(with_unit(column.title, column.fraction ? "%" : "")));
    }
    heads.insert(heads.end(), {"load [s]", "TTFT p50 [s]", "TPOT p50 [s]", "bubble [%]", "communication [%]"});
    std::string text = cells(heads) + cells(std::vector<std::string>(heads.size(), "---:"));
    const auto shown = [](const Value* v, double size = 1) { return v == nullptr ? "-" : cell(*v, size); };
    for (const Row& row : f.rows) {
        std::vector<std::string> line = {series ? markdown(f.series[row.series].name) : plain(row.x),
                                         fmt::format("{}", row.executions.size()), cell(row.time), cell(row.rate)};
        for (std::size_t i = 0; i < row.experiment.size(); ++i) {
            line.push_back(cell(row.experiment[i], f.experiment[i].fraction ? 0.01 : 1));
        }
        line.insert(line.end(), {shown(metric(f, row, "load")), shown(metric(f, row, "ttft_p50")),
                                 shown(metric(f, row, "tpot_p50")), percent(row.breakdown.bubble),
                                 percent(row.breakdown.communication)});
        text += cells(line);
    }
    text += "\n";
    for (const ExperimentColumn& column : f.experiment) {
        text += fmt::format("- *{}*: {}\n", markdown(column.title), markdown(column.rule));
    }
    for (const std::string& remark : f.experiment_remarks) {
        text += fmt::format("- {}.\n", markdown(remark));
    }
    return text;
}

std::string plots_of(const PaperExperiment& one) {
    std::string text;
    for (const std::string& stem : chosen_plots(one)) {
        text += fmt::format("![{}]({}/plots/{}.svg)\n", stem, one.folder, stem);
    }
    const auto measured = [](const Row& row) { return !row.executions.empty(); };
    if (text.empty() && std::ranges::any_of(one.figures.rows, measured)) {
        return "There are no plots: gnuplot is not installed, or --no-plots was given.\n";
    }
    return text;
}

std::string summary_of(const PaperExperiment& one) {
    const Figures& f = one.figures;
    const Row* best = best_of(f);
    if (best == nullptr || !f.has_baseline) {
        return "nothing was measured";
    }
    const Row& base = f.rows[f.common_baseline];
    std::string text =
        fmt::format("{} tokens/s with {}", significant(best->rate.value, kDigits), markdown(name_of(f, *best)));
    if (best != &base) {
        text += fmt::format(", {} with {}", significant(base.rate.value, kDigits), markdown(name_of(f, base)));
    }
    for (std::size_t i = 0; i < best->experiment.size() && experiment_of(one.kind) != Experiment::kPartitions; ++i) {
        const bool fraction = f.experiment[i].fraction;
        text += known(best->experiment[i]) ? fmt::format("; {} {}", markdown(f.experiment[i].title),
                                                         fraction ? percent_of(best->experiment[i].value)
                                                                  : significant(best->experiment[i].value, kDigits))
                                           : "";
    }
    return text;
}

std::string limits_of(const PaperExperiment& one) {
    std::string text;
    for (const Row& row : one.figures.rows) {
        text += limit_of(one.figures, row);
    }
    return text;
}

std::string correctness_of(const PaperExperiment& one) {
    std::string text;
    for (const Row& row : one.figures.rows) {
        const std::string words = correctness_words(one.collection, row);
        text += cells({title_of(one.kind), markdown(name_of(one.figures, row)),
                       words.empty() ? "not compared with anything" : markdown(words)});
    }
    return text;
}

std::string gaps_of(const PaperExperiment& one) {
    std::string text;
    for (const Failure& failure : one.figures.failures) {
        text += fmt::format("- {}: {}.\n", title_of(one.kind), markdown(failure.text));
    }
    for (const Row& row : one.figures.rows) {
        if (row.executions.size() == 1) {
            text += fmt::format("- {}: {} ran once; how much it varies is not known.\n", title_of(one.kind),
                                markdown(name_of(one.figures, row)));
        }
    }
    const bool bandwidth = std::any_of(one.figures.rows.begin(), one.figures.rows.end(), [](const Row& row) {
        return std::any_of(row.stages.begin(), row.stages.end(), [](const StageFigures& stage) {
            return known(stage.values[stage_column("bandwidth_share")]);
        });
    });
    if (!bandwidth) {
        text += fmt::format("- {}: no read bandwidth was measured beside the runs.\n", title_of(one.kind));
    }
    return text;
}

}  // namespace inferstep::report
