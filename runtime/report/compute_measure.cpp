#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>

#include "report/compute_distributions.hpp"
#include "report/compute_scaling.hpp"
#include "report/interval.hpp"

namespace inferstep::report {
namespace {

// One number of each execution, by a name.
struct Measure {
    std::string name, rule, unit;
    std::function<double(const Execution&)> of;
};

const Metric* find_metric(const Execution& e, const std::string& name) {
    const auto found =
        std::find_if(e.metrics.begin(), e.metrics.end(), [&](const Metric& m) { return m.name == name; });
    return found == e.metrics.end() ? nullptr : &*found;
}

// What a metric in this unit is multiplied with to be seconds; 0: it is no unit of time.
double seconds_in(const std::string& unit) {
    constexpr std::pair<const char*, double> kUnits[] = {{"s", 1},     {"seconds", 1}, {"ms", 1e-3}, {"us", 1e-6},
                                                         {"µs", 1e-6}, {"min", 60},    {"h", 3600}};
    for (const auto& [name, size] : kUnits) {
        if (unit == name) {
            return size;
        }
    }
    return 0;
}

Measure of_function(const std::string& name) {
    return {name, fmt::format("{}: of each rank the mean, of the ranks the largest", name), "s",
            [name](const Execution& e) {
                const FunctionTimes* times = find_function(e, name);
                return times == nullptr || times->profiled ? kUnknown : slowest_mean(*times);
            }};
}

Measure of_metric(const Metric& metric, double factor) {
    return {metric.name, fmt::format("the metric {}", metric.name), metric.unit,
            [name = metric.name, factor](const Execution& e) {
                const Metric* m = find_metric(e, name);
                return m == nullptr ? kUnknown : m->value * factor;
            }};
}

// Metrics and functions of that name, in any execution.
std::optional<Measure> named(const Collection& collection, const std::string& name, bool as_time) {
    for (const Execution& e : collection.executions) {
        if (const Metric* m = find_metric(e, name); m != nullptr) {
            const double size = seconds_in(m->unit);
            return of_metric(*m, as_time && size > 0 ? size : 1);
        }
        if (as_time && find_function(e, name) != nullptr) {
            return of_function(name);
        }
    }
    return std::nullopt;
}

// The first metric that fits, of any execution; each name once.
std::vector<Measure> fitting(const Collection& collection, bool rate) {
    std::vector<Measure> found;
    for (const Execution& e : collection.executions) {
        for (const Metric& m : e.metrics) {
            const bool fits = rate ? m.higher_is_better && (m.unit.ends_with("/s") || m.unit == "Hz")
                                   : !m.higher_is_better && seconds_in(m.unit) > 0;
            const bool known =
                std::any_of(found.begin(), found.end(), [&](const Measure& k) { return k.name == m.name; });
            if (fits && !known) {
                found.push_back(of_metric(m, rate ? 1 : seconds_in(m.unit)));
            }
        }
    }
    return found;
}

std::vector<Measure> time_candidates(const Collection& collection) {
    std::vector<Measure> all = {of_function("loop_time"), of_function("epoch_time"), of_function("epoch")};
    for (Measure& metric : fitting(collection, false)) {
        all.push_back(std::move(metric));
    }
    all.push_back(of_function("loop"));
    all.push_back(of_function("main()"));
    all.push_back({"wall clock", "wall clock of the whole point", "s", [](const Execution& e) { return e.seconds; }});
    all.push_back({"elapsed", "elapsed time of the step by sacct", "s",
                   [](const Execution& e) { return e.accounting.elapsed_s; }});
    return all;
}

Value over_repeats(const Collection& collection, const Row& row, const Measure& measure) {
    std::vector<double> values;
    for (const std::size_t i : row.executions) {
        values.push_back(measure.of(collection.executions[i]));
    }
    return of_repeats(values, row.executions);
}

// Of the repeats the most: a rank that left no record would make it less, and another kind of scaling of it. An epoch
// is a pass over the same data, wherever it runs.
Value most_work(const Collection& collection, const Row& row, bool epochs) {
    Value most;
    for (const std::size_t i : row.executions) {
        const double recorded = collection.executions[i].work;
        const double work = std::isnan(recorded) && epochs ? 1 : recorded;
        if (std::isfinite(work) && !(work <= most.value)) {
            most.value = work;
            most.from = {i};
        }
    }
    return most;
}

// The first that every row has, else the one that most have; nothing where none has any.
std::optional<Measure> best_covered(const Collection& collection, const Figures& figures,
                                    const std::vector<Measure>& candidates) {
    std::optional<Measure> best;
    std::size_t most = 0;
    for (const Measure& measure : candidates) {
        std::size_t rows = 0;
        for (const Row& row : figures.rows) {
            rows += std::isfinite(over_repeats(collection, row, measure).value) ? 1U : 0U;
        }
        if (rows > most) {
            most = rows;
            best = measure;
        }
    }
    return best;
}

std::optional<Measure> asked_for(const Collection& collection, const std::string& name, bool as_time,
                                 Figures& figures) {
    if (name.empty()) {
        return std::nullopt;
    }
    std::optional<Measure> measure = named(collection, name, as_time);
    if (!measure) {
        figures.notes.push_back({{},
                                 fmt::format("there is no metric{} named {}: another {} takes its place",
                                             as_time ? " or function" : "", name, as_time ? "time" : "rate")});
    }
    return measure;
}

std::optional<Measure> choose_rate(const Collection& collection, const FigureOptions& meaning,
                                   const std::optional<Measure>& time, Figures& figures) {
    std::optional<Measure> rate = asked_for(collection, meaning.rate, false, figures);
    if (!rate) {
        rate = best_covered(collection, figures, fitting(collection, true));
    }
    if (rate || !time) {
        return rate;
    }
    std::string unit;
    for (const Execution& e : collection.executions) {
        unit = unit.empty() && std::isfinite(e.work) ? (e.work_unit.empty() ? "units" : e.work_unit) : unit;
    }
    const Measure by_work{unit, fmt::format("{} divided by {}", unit, time->name), unit + "/s",
                          [time](const Execution& e) { return e.work / time->of(e); }};
    return unit.empty() ? std::nullopt : std::optional<Measure>(by_work);
}

}  // namespace

double slowest_mean(const FunctionTimes& times) {
    double slowest = kUnknown;
    for (const RankTimes& rank : ranks_of(times)) {
        const double mean = std::accumulate(rank.begin, rank.end, 0.0) / static_cast<double>(rank.end - rank.begin);
        slowest = mean <= slowest ? slowest : mean;
    }
    return slowest;
}

void measure(const Collection& collection, const FigureOptions& meaning, Figures& figures) {
    std::optional<Measure> time = asked_for(collection, meaning.time, true, figures);
    if (!time) {
        time = best_covered(collection, figures, time_candidates(collection));
    }
    const std::optional<Measure> rate = choose_rate(collection, meaning, time, figures);
    for (const Execution& e : collection.executions) {
        figures.times.push_back(time ? time->of(e) : kUnknown);
        figures.rates.push_back(rate ? rate->of(e) : kUnknown);
    }
    for (Row& row : figures.rows) {
        row.time = time ? over_repeats(collection, row, *time) : Value();
        row.rate = rate ? over_repeats(collection, row, *rate) : Value();
        row.work = most_work(collection, row, time && time->name.starts_with("epoch"));
    }
    figures.time_name = time ? time->name : "";
    figures.time_rule = time ? time->rule : "";
    figures.rate_name = rate ? rate->name : "";
    figures.rate_unit = rate ? rate->unit : "";
    figures.rate_rule = rate ? rate->rule : "";
}

}  // namespace inferstep::report
