#include "report/compute_experiment.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "report/compute_grouping.hpp"
#include "report/interval.hpp"
#include "sweep/ready_pipeline.hpp"

namespace inferstep::report {
namespace {

using Of = std::function<Value(const Row&)>;

// Against itself a result is 1, without an interval.
Value against(const Value& above, const Value& below, bool itself) {
    Value v = ratio(above, below);
    return itself && std::isfinite(v.value) ? Value{1, kUnknown, kUnknown, above.from} : v;
}

class Columns {
   public:
    explicit Columns(Figures& figures) : figures_(figures), base_(figures.rows[figures.common_baseline]) {}

    void add(const char* key, std::string title, std::string rule, bool fraction, const Of& of) {
        figures_.experiment.push_back({key, std::move(title), std::move(rule), fraction});
        std::vector<Value> values;
        std::transform(figures_.rows.begin(), figures_.rows.end(), std::back_inserter(values), of);
        for (std::size_t i = 0; i < values.size(); ++i) {
            figures_.rows[i].experiment.push_back(std::move(values[i]));
        }
    }
    Value faster(const Row& row) const { return against(base_.time, row.time, &row == &base_); }
    Value more(const Row& row) const { return against(row.rate, base_.rate, &row == &base_); }
    double times(const Row& row) const { return row.x / base_.x; }
    const Figures& figures() const { return figures_; }

   private:
    Figures& figures_;
    const Row& base_;
};

void strong(Columns& c) {
    c.add("speedup", "speedup T1/TN", "time of the baseline over that of the row, generating, without loading", false,
          [&](const Row& row) { return c.faster(row); });
    c.add("efficiency", "parallel efficiency", "speedup / N, N times as many stages as the baseline", true,
          [&](const Row& row) { return scaled(c.faster(row), 1 / c.times(row)); });
}

void weak(Columns& c) {
    c.add("weak_speedup", "weak speedup", "tokens/s of the row over those of the baseline", false,
          [&](const Row& row) { return c.more(row); });
    c.add("weak_efficiency", "weak efficiency", "weak speedup / N, N times as many stages as the baseline", true,
          [&](const Row& row) { return scaled(c.more(row), 1 / c.times(row)); });
    c.add("weak_classical", "classical weak efficiency", "T1(W) / TN(N·W): how much of the baseline's speed is kept",
          true, [&](const Row& row) { return c.faster(row); });
}

void batch(Columns& c) {
    c.add("batch_speedup", "speedup", "tokens/s of the row over those of the smallest batch", false,
          [&](const Row& row) { return c.more(row); });
    c.add("batch_efficiency", "batch efficiency", "speedup / (b / b of the smallest batch)", true,
          [&](const Row& row) { return scaled(c.more(row), 1 / c.times(row)); });
}

void optimization(Columns& c) {
    c.add("against_baseline", "against the baseline", "tokens/s of the row over those of the baseline", false,
          [&](const Row& row) { return c.more(row); });
    const std::vector<Row>& rows = c.figures().rows;
    c.add("against_previous", "against the one before", "tokens/s of the row over those of the row above it", false,
          [&](const Row& row) {
              const auto at = static_cast<std::size_t>(&row - rows.data());
              return at == 0 ? against(row.rate, row.rate, true) : ratio(row.rate, rows[at - 1].rate);
          });
}

void partitions(Columns& c) {
    const Row* best = nullptr;
    for (const Row& row : c.figures().rows) {
        best = std::isfinite(row.rate.value) && (best == nullptr || row.rate.value > best->rate.value) ? &row : best;
    }
    if (best == nullptr) {
        return;
    }
    c.add("of_best", "of the best split", "tokens/s of the row over those of the best split", true,
          [&](const Row& row) { return against(row.rate, best->rate, &row == best); });
}

void add_columns(Figures& figures) {
    Columns columns(figures);
    switch (experiment_of(figures.kind)) {
        case Experiment::kStrong:
            return strong(columns);
        case Experiment::kWeak:
            return weak(columns);
        case Experiment::kBatch:
            return batch(columns);
        case Experiment::kOptimization:
            return optimization(columns);
        case Experiment::kPartitions:
            return partitions(columns);
        case Experiment::kNone:
            return;
    }
}

// A sentence for each column with efficiencies above 100 % that have no interval.
std::vector<std::string> above_one(const Figures& figures) {
    constexpr double kShown = 1.0005;  // what tables show as 100.1 %
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < figures.experiment.size(); ++i) {
        std::vector<std::string> names;
        for (const Row& row : figures.rows) {
            const Value& value = row.experiment[i];
            if (figures.experiment[i].fraction && value.value > kShown && !std::isfinite(value.low)) {
                names.push_back(name_of(figures, row));
            }
        }
        if (!names.empty()) {
            texts.push_back(fmt::format("{} above 100 % ({}) is of single runs, and may be noise: repeats would tell",
                                        figures.experiment[i].title, fmt::join(names, "; ")));
        }
    }
    return texts;
}

// How many prompts a run should have had where it had others.
std::string other_prompts(const Execution& execution) {
    for (const auto& [name, value] : execution.parameters) {
        if (name == "prompts" && execution.stages && std::isfinite(execution.stages->prompts) &&
            fmt::format("{:.0f}", execution.stages->prompts) != value) {
            return fmt::format("had {:.0f} of {} prompts", execution.stages->prompts, value);
        }
    }
    return "";
}

// Work that did not grow with the stages says nothing of weak scaling.
void leave_out_other_work(const Collection& collection, Figures& figures) {
    bool nothing = false;
    for (Row& row : figures.rows) {
        std::string why;
        for (const std::size_t i : row.executions) {
            why = why.empty() ? other_prompts(collection.executions[i]) : why;
        }
        if (why.empty()) {
            continue;
        }
        std::ranges::fill(row.experiment, Value());
        nothing = nothing || &row == &figures.rows[figures.common_baseline];
        figures.experiment_remarks.push_back(
            fmt::format("weak scaling is not told of {}, which {}", name_of(figures, row), why));
    }
    for (Row& row : figures.rows) {
        if (nothing) {
            std::ranges::fill(row.experiment, Value());
        }
    }
}

}  // namespace

Experiment experiment_of(std::string_view kind) {
    constexpr std::pair<const char*, Experiment> kKinds[] = {
        {sweep::kStrongKind, Experiment::kStrong},         {sweep::kWeakKind, Experiment::kWeak},
        {sweep::kBatchKind, Experiment::kBatch},           {sweep::kOptimizationKind, Experiment::kOptimization},
        {sweep::kPartitionsKind, Experiment::kPartitions},
    };
    for (const auto& [name, experiment] : kKinds) {
        if (kind == name) {
            return experiment;
        }
    }
    return Experiment::kNone;
}

void compute_experiment(const Collection& collection, Figures& figures) {
    figures.kind = collection.trees.empty() ? "" : collection.trees.front().kind;
    for (const Tree& tree : collection.trees) {
        figures.kind = tree.kind == figures.kind ? figures.kind : "";
    }
    if (!figures.has_baseline) {
        return;
    }
    add_columns(figures);
    if (experiment_of(figures.kind) == Experiment::kWeak) {
        leave_out_other_work(collection, figures);
    }
    for (std::string& text : above_one(figures)) {
        figures.experiment_remarks.push_back(std::move(text));
    }
    for (const std::string& text : figures.experiment_remarks) {
        figures.notes.push_back({{}, text});
    }
}

}  // namespace inferstep::report
