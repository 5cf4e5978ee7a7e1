#include "report/compute_scaling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "report/compute_grouping.hpp"
#include "report/interval.hpp"
#include "report/numbers.hpp"

namespace inferstep::report {
namespace {

constexpr double kSameWork = 0.01;  // relative: iterations that failed, or a last batch that is short

bool known(const Value& v) { return std::isfinite(v.value); }
bool measured(const Row& row) { return known(row.time) || known(row.rate); }

// Efficiency is a matter of resources: a batch twice as large is none that could be used well or badly.
bool is_resource(const std::string& name) {
    constexpr const char* kWords[] = {"node", "task", "gpu",    "cpu",     "rank",   "client", "worker",
                                      "core", "proc", "thread", "replica", "device", "world",  "stage"};
    return std::any_of(std::begin(kWords), std::end(kWords),
                       [&](const char* word) { return name.find(word) != std::string::npos; });
}

std::string row_result(const Figures& figures, const Row& row) {
    return known(row.rate) ? fmt::format("{} {}", significant(row.rate.value, kDigits), figures.rate_unit)
                           : fmt::format("{} {}", figures.time_name, duration(row.time.value));
}

// Better of two rows at one x: by rate where both have one, since their work may differ.
bool better(const Row& a, const Row& b) {
    return known(a.rate) && known(b.rate) ? a.rate.value > b.rate.value : a.time.value < b.time.value;
}

bool fits(const Figures& figures, const Row& row, const std::vector<std::pair<std::string, std::string>>& baseline) {
    const Series& series = figures.series[row.series];
    return std::all_of(baseline.begin(), baseline.end(), [&](const auto& wanted) {
        const auto& [name, value] = wanted;
        if (name == figures.x_name || name == "x") {
            return value == plain(row.x);
        }
        if (name == "series") {
            return value == series.name;
        }
        return std::find(series.parameters.begin(), series.parameters.end(), wanted) != series.parameters.end();
    });
}

std::optional<std::size_t> best_row(const Figures& figures, const std::vector<std::size_t>& candidates) {
    std::optional<std::size_t> best;
    for (const std::size_t i : candidates) {
        const Row& row = figures.rows[i];
        if (!measured(row)) {
            continue;
        }
        const bool smaller = !best || row.x < figures.rows[*best].x;
        if (smaller || (row.x == figures.rows[*best].x && better(row, figures.rows[*best]))) {
            best = i;
        }
    }
    return best;
}

void choose_baseline(const FigureOptions& meaning, Figures& figures) {
    std::vector<std::size_t> all;
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < figures.rows.size(); ++i) {
        all.push_back(i);
        if (!meaning.baseline.empty() && fits(figures, figures.rows[i], meaning.baseline)) {
            wanted.push_back(i);
        }
    }
    std::optional<std::size_t> best = best_row(figures, wanted);
    const bool asked = best.has_value();
    if (!meaning.baseline.empty() && !asked) {
        std::string words;
        for (const auto& [name, value] : meaning.baseline) {
            words += fmt::format("{}{} {}", words.empty() ? "" : ", ", name, value);
        }
        figures.notes.push_back({{}, fmt::format("no result fits the baseline {}: another takes its place", words)});
    }
    best = asked ? best : best_row(figures, all);
    if (!best) {
        figures.baseline_rule = "none: nothing was measured";
        return;
    }
    figures.has_baseline = true;
    figures.common_baseline = *best;
    const Row& row = figures.rows[*best];
    figures.baseline_rule = fmt::format("{} ({}), {}", name_of(figures, row), row_result(figures, row),
                                        asked && wanted.size() > 1 ? "the best at the smallest x of those given"
                                        : asked                    ? "as given"
                                                                   : "the best at the smallest " + figures.x_name);
}

void choose_own_baselines(Figures& figures) {
    for (std::size_t i = figures.rows.size(); i-- > 0;) {
        Series& series = figures.series[figures.rows[i].series];
        if (measured(figures.rows[i])) {
            series.has_baseline = true;
            series.own_baseline = i;
        }
    }
}

// How the work of a row compares with that of another.
struct Pair {
    bool work_known, same, proportional;
};

Pair compare_work(const Row& row, const Row& base) {
    if (!known(row.work) || !known(base.work) || base.work.value <= 0) {
        return {false, true, true};
    }
    const double ratio_of_work = row.work.value / base.work.value;
    return {true, std::fabs(ratio_of_work - 1) <= kSameWork,
            std::fabs(ratio_of_work / (row.x / base.x) - 1) <= kSameWork};
}

struct Against {
    Value speedup, strong, weak;
};

Value divided(const Value& above, const Value& below) {
    Value v = ratio(above, below);
    return &above == &below && known(v) ? Value{1, kUnknown, kUnknown, above.from} : v;
}

// `kind`: how the work grew within the row's series. Rates can be compared whatever the work was; times only where it
// was the same, or proportional to x.
Against against(const Figures& figures, const Row& row, const Row& base, const Pair& kind) {
    Against a;
    const Pair work = compare_work(row, base);
    const bool rates = known(row.rate) && known(base.rate);
    if (rates) {
        a.speedup = divided(row.rate, base.rate);
    } else if (work.same) {
        a.speedup = divided(base.time, row.time);
    }
    if (!is_resource(figures.x_name) || !(row.x > 0) || !(base.x > 0)) {
        return a;
    }
    if (kind.same && (rates || work.same)) {
        a.strong = scaled(a.speedup, base.x / row.x);
    }
    if (kind.proportional && rates) {
        a.weak = scaled(a.speedup, base.x / row.x);
    } else if (kind.proportional && work.proportional) {
        a.weak = divided(base.time, row.time);
    }
    return a;
}

void say_which_holds(Figures& figures) {
    bool any = false;
    bool all_known = true;
    bool all_same = true;
    bool all_proportional = true;
    for (const Row& row : figures.rows) {
        const Row& base = figures.rows[figures.series[row.series].own_baseline];
        if (!measured(row) || row.x == base.x) {
            continue;
        }
        const Pair work = compare_work(row, base);
        any = true;
        all_known = all_known && work.work_known;
        all_same = all_same && work.same;
        all_proportional = all_proportional && work.proportional;
    }
    const std::string& x = figures.x_name;
    if (!any) {
        figures.scaling = Scaling::kNone;
        figures.scaling_rule = fmt::format("there is one value of {}: nothing scales", x);
    } else if (!is_resource(x)) {
        figures.scaling = Scaling::kNeither;
        figures.scaling_rule = fmt::format("{} is no resource: there is a speed-up, and no efficiency", x);
    } else if (!all_known) {
        figures.scaling = Scaling::kNotKnown;
        figures.scaling_rule = fmt::format(
            "the records do not say how much work was done: strong efficiency holds if it was the same at every {0}, "
            "weak if it was proportional to {0}",
            x);
    } else if (all_same) {
        figures.scaling = Scaling::kStrong;
        figures.scaling_rule =
            fmt::format("strong: the work is the same at every {}{}", x,
                        figures.time_name.starts_with("epoch") ? ", an epoch is a pass over all data" : "");
    } else if (all_proportional) {
        figures.scaling = Scaling::kWeak;
        figures.scaling_rule = fmt::format("weak: the work is proportional to {}", x);
    } else {
        figures.scaling = Scaling::kNeither;
        figures.scaling_rule = fmt::format(
            "neither strong nor weak: the work is not the same at every {0}, nor proportional to it; rows where one of "
            "the two is so have that efficiency",
            x);
    }
}

// Where one kind of scaling holds everywhere, the other is not what was measured, though rows at the baseline's own x
// have both.
void keep_what_holds(Figures& figures) {
    for (Row& row : figures.rows) {
        if (figures.scaling == Scaling::kWeak || figures.scaling == Scaling::kNone) {
            row.strong_common = row.strong_own = Value();
        }
        if (figures.scaling == Scaling::kStrong || figures.scaling == Scaling::kNone) {
            row.weak_common = row.weak_own = Value();
        }
    }
}

}  // namespace

void compute_scaling(const FigureOptions& meaning, Figures& figures) {
    choose_baseline(meaning, figures);
    choose_own_baselines(figures);
    if (!figures.has_baseline) {
        figures.scaling = Scaling::kNone;
        figures.scaling_rule = "nothing was measured";
        return;
    }
    say_which_holds(figures);
    const Row& common = figures.rows[figures.common_baseline];
    for (Row& row : figures.rows) {
        if (!measured(row)) {
            continue;
        }
        const Row& own = figures.rows[figures.series[row.series].own_baseline];
        const Pair kind = compare_work(row, own);
        Against a = against(figures, row, common, kind);
        row.relative_time = divided(row.time, common.time);
        row.speedup_common = std::move(a.speedup);
        row.strong_common = std::move(a.strong);
        row.weak_common = std::move(a.weak);
        a = against(figures, row, own, kind);
        row.speedup_own = std::move(a.speedup);
        row.strong_own = std::move(a.strong);
        row.weak_own = std::move(a.weak);
    }
    keep_what_holds(figures);
}

}  // namespace inferstep::report
