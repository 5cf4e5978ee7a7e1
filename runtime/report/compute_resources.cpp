#include "report/compute_resources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "report/interval.hpp"

namespace inferstep::report {
namespace {

using OfExecution = std::function<double(const Execution&)>;

Value over_repeats(const Collection& collection, const Row& row, const OfExecution& of) {
    std::vector<double> values;
    for (const std::size_t i : row.executions) {
        values.push_back(of(collection.executions[i]));
    }
    return of_repeats(values, row.executions);
}

// CPU seconds of the whole step: where Slurm did not count the databases they come on top.
double database_share(const Execution& e) {
    const Accounting& a = e.accounting;
    const double whole = a.databases_counted ? a.cpu_s : a.cpu_s + a.database_cpu_s;
    return whole > 0 ? a.database_cpu_s / whole : kUnknown;
}

// How many of the executions in rows are so, of how many.
struct Count {
    std::size_t yes = 0, of = 0;
};

Count count(const Collection& collection, const Figures& figures, const std::function<bool(const Execution&)>& is_so) {
    Count c;
    for (const Row& row : figures.rows) {
        for (const std::size_t i : row.executions) {
            c.yes += is_so(collection.executions[i]) ? 1U : 0U;
            ++c.of;
        }
    }
    return c;
}

void note(Figures& figures, std::string text) { figures.notes.push_back({{}, std::move(text)}); }

void note_accounting(const Collection& collection, Figures& figures) {
    std::map<std::string, std::size_t> reasons;
    std::size_t all = 0;
    for (const Row& row : figures.rows) {
        for (const std::size_t i : row.executions) {
            const Accounting& a = collection.executions[i].accounting;
            ++all;
            if (std::isnan(a.cpu_s)) {
                ++reasons[a.why.empty() ? "the records have none" : a.why];
            }
        }
    }
    for (const auto& [why, n] : reasons) {
        note(figures, fmt::format("no accounting of {} of {} executions: {}", n, all, why));
    }
    const Count apart = count(collection, figures, [](const Execution& e) {
        return !e.accounting.databases_counted && std::isfinite(e.accounting.database_cpu_s);
    });
    if (apart.yes > 0) {
        note(figures, fmt::format("in {} of {} executions Slurm did not count the databases in the step: utilization "
                                  "is without them, and "
                                  "their share is of Slurm's figure plus their own",
                                  apart.yes, apart.of));
    }
}

void note_repeats(Figures& figures) {
    const auto has_one = [](const Row& row) { return row.executions.size() == 1; };
    const auto one = static_cast<std::size_t>(std::count_if(figures.rows.begin(), figures.rows.end(), has_one));
    if (one > 0) {
        note(figures,
             one == figures.rows.size()
                 ? std::string("there is one repeat of everything: no confidence intervals")
                 : fmt::format("{} of {} results have one repeat: they have no confidence interval, nor has what is "
                               "compared with them",
                               one, figures.rows.size()));
    }
    const auto nothing = static_cast<std::size_t>(
        std::count_if(figures.rows.begin(), figures.rows.end(), [](const Row& row) { return row.executions.empty(); }));
    if (nothing > 0) {
        note(figures, fmt::format("{} of {} results have no execution that succeeded", nothing, figures.rows.size()));
    }
}

void note_measures(const Collection& collection, Figures& figures) {
    if (figures.time_name.empty()) {
        note(figures, "no time was measured: there are neither relative times nor weak efficiency");
    }
    if (figures.rate_name.empty()) {
        note(figures,
             "no rate was measured, and the records do not say how much work was done: there is no throughput");
    }
    const auto silent = [](const Execution& e) { return e.functions.empty() && e.metrics.empty(); };
    if (const Count c = count(collection, figures, silent); c.yes > 0) {
        note(figures, fmt::format("{} of {} executions left neither times nor metrics", c.yes, c.of));
    }
    const auto profiled = [](const Execution& e) {
        return std::any_of(e.functions.begin(), e.functions.end(), [](const FunctionTimes& f) { return f.profiled; });
    };
    if (count(collection, figures, profiled).yes > 0) {
        note(figures,
             "self times of a profiler are shown apart: they are no wall-clock times, and in no breakdown, rate or "
             "speed-up");
    }
}

}  // namespace

void compute_resources(const Collection& collection, Figures& figures) {
    for (Row& row : figures.rows) {
        const auto over = [&](const OfExecution& of) { return over_repeats(collection, row, of); };
        row.utilization = over([](const Execution& e) {
            return e.accounting.allocated_cpu_s > 0 ? e.accounting.cpu_s / e.accounting.allocated_cpu_s : kUnknown;
        });
        row.gpu_utilization = over([](const Execution& e) { return e.accounting.gpu_utilization; });
        row.memory_bytes = over([](const Execution& e) { return e.accounting.max_rss_bytes; });
        row.energy_j = over([](const Execution& e) { return e.accounting.energy_j; });
        row.database_share = over(database_share);
    }
}

void compute_metrics(const Collection& collection, Figures& figures) {
    for (const Row& row : figures.rows) {
        for (const std::size_t i : row.executions) {
            for (const Metric& m : collection.executions[i].metrics) {
                const bool seen = std::any_of(figures.metrics.begin(), figures.metrics.end(),
                                              [&](const Metric& known) { return known.name == m.name; });
                if (!seen) {
                    figures.metrics.push_back({m.name, m.unit, m.higher_is_better, kUnknown, {}});
                }
            }
        }
    }
    for (Row& row : figures.rows) {
        for (const Metric& wanted : figures.metrics) {
            row.metrics.push_back(over_repeats(collection, row, [&](const Execution& e) {
                for (const Metric& m : e.metrics) {
                    if (m.name == wanted.name) {
                        return m.value;
                    }
                }
                return kUnknown;
            }));
        }
    }
}

void note_what_is_missing(const Collection& collection, Figures& figures) {
    note_repeats(figures);
    note_measures(collection, figures);
    note_accounting(collection, figures);
}

}  // namespace inferstep::report
