#include "report/compute_distributions.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/stats.hpp"
#include "report/interval.hpp"
#include "report/read.hpp"

namespace inferstep::report {
namespace {

struct Moments {
    double mean = kUnknown, deviation = kUnknown;
};

// Two passes, so that a small deviation of large values loses no digits.
Moments moments_of(const double* begin, const double* end) {
    const auto n = static_cast<long double>(end - begin);
    long double sum = 0;
    for (const double* p = begin; p != end; ++p) {
        sum += *p;
    }
    const long double mean = sum / n;
    long double squares = 0;
    for (const double* p = begin; p != end; ++p) {
        squares += (*p - mean) * (*p - mean);
    }
    return {static_cast<double>(mean), end - begin > 1 ? static_cast<double>(std::sqrt(squares / (n - 1))) : kUnknown};
}

// One row's times of one function: a copy, each execution's part of it sorted.
struct Times {
    std::vector<double> all;
    std::vector<std::size_t> executions;
    std::vector<std::size_t> ends;  // of each execution's part
    std::size_t fastest_execution = 0, slowest_execution = 0;
    std::size_t fastest = 0, slowest = 0;  // indices into those executions' times
};

Times gather(const Collection& collection, const Row& row, const std::string& function, bool& profiled) {
    Times t;
    std::size_t count = 0;
    for (const std::size_t i : row.executions) {
        const FunctionTimes* f = find_function(collection.executions[i], function);
        count += f != nullptr ? f->seconds.size() : 0;
    }
    t.all.reserve(count);
    double least = kUnknown;
    double most = kUnknown;
    for (const std::size_t i : row.executions) {
        const FunctionTimes* f = find_function(collection.executions[i], function);
        if (f == nullptr || f->seconds.empty()) {
            continue;
        }
        profiled = profiled || f->profiled;
        const auto [low, high] = std::minmax_element(f->seconds.begin(), f->seconds.end());
        if (!(*low >= least)) {
            least = *low;
            t.fastest_execution = i;
            t.fastest = static_cast<std::size_t>(low - f->seconds.begin());
        }
        if (!(*high <= most)) {
            most = *high;
            t.slowest_execution = i;
            t.slowest =
                static_cast<std::size_t>(std::find(f->seconds.begin(), f->seconds.end(), *high) - f->seconds.begin());
        }
        t.all.insert(t.all.end(), f->seconds.begin(), f->seconds.end());
        t.executions.push_back(i);
        t.ends.push_back(t.all.size());
    }
    return t;
}

// Sorts the parts, takes each repeat's own values, and merges the parts. The result is sorted.
struct Repeats {
    std::vector<double> mean, p50, p95, p99;
};

Repeats sort_parts(Times& t) {
    Repeats own;
    const auto at = [&t](std::size_t i) { return t.all.begin() + static_cast<std::ptrdiff_t>(i); };
    std::size_t begin = 0;
    for (const std::size_t end : t.ends) {
        std::sort(at(begin), at(end));
        const double* first = t.all.data() + begin;
        const std::size_t n = end - begin;
        own.mean.push_back(moments_of(first, first + n).mean);
        own.p50.push_back(percentile_of_sorted(first, n, 0.50));
        own.p95.push_back(percentile_of_sorted(first, n, 0.95));
        own.p99.push_back(percentile_of_sorted(first, n, 0.99));
        begin = end;
    }
    for (std::size_t i = 1; i < t.ends.size(); ++i) {
        std::inplace_merge(at(0), at(t.ends[i - 1]), at(t.ends[i]));
    }
    return own;
}

// The value of all times, with the interval of the repeats' own values.
Value pooled(double value, const std::vector<double>& own, const std::vector<std::size_t>& executions) {
    Value v = of_repeats(own, executions);
    v.value = value;
    return v;
}

Distribution distribution(const Collection& collection, const std::string& function, Times t, bool profiled) {
    Distribution d;
    d.function = function;
    d.profiled = profiled;
    d.count = static_cast<std::int64_t>(t.all.size());
    const Repeats own = sort_parts(t);
    const double* sorted = t.all.data();
    const std::size_t n = t.all.size();
    const Moments all = moments_of(sorted, sorted + n);
    d.deviation = all.deviation;
    d.mean = pooled(all.mean, own.mean, t.executions);
    d.p50 = pooled(percentile_of_sorted(sorted, n, 0.50), own.p50, t.executions);
    d.p95 = pooled(percentile_of_sorted(sorted, n, 0.95), own.p95, t.executions);
    d.p99 = pooled(percentile_of_sorted(sorted, n, 0.99), own.p99, t.executions);
    d.min = t.all.front();
    d.max = t.all.back();
    for (std::size_t i = 0; i < kQuantiles; ++i) {
        d.quantiles.push_back(percentile_of_sorted(sorted, n, static_cast<double>(i) / (kQuantiles - 1)));
    }
    const Execution& fast = collection.executions[t.fastest_execution];
    const Execution& slow = collection.executions[t.slowest_execution];
    d.fastest = locate(fast, *find_function(fast, function), t.fastest);
    d.slowest = locate(slow, *find_function(slow, function), t.slowest);
    return d;
}

}  // namespace

const FunctionTimes* find_function(const Execution& execution, const std::string& name) {
    const auto found = std::find_if(execution.functions.begin(), execution.functions.end(),
                                    [&](const FunctionTimes& f) { return f.function == name; });
    return found == execution.functions.end() ? nullptr : &*found;
}

std::vector<RankTimes> ranks_of(const FunctionTimes& times) {
    std::vector<RankTimes> ranks;
    ranks.reserve(times.parts.size());
    for (std::size_t i = 0; i < times.parts.size(); ++i) {
        const std::size_t end = i + 1 < times.parts.size() ? times.parts[i + 1].begin : times.seconds.size();
        if (end == times.parts[i].begin) {
            continue;
        }
        if (!ranks.empty() && ranks.back().file == times.parts[i].file) {
            ranks.back().end = times.seconds.data() + end;
        } else {
            ranks.push_back(
                {times.parts[i].file, times.seconds.data() + times.parts[i].begin, times.seconds.data() + end});
        }
    }
    return ranks;
}

void compute_distributions(const Collection& collection, Figures& figures) {
    for (Row& row : figures.rows) {
        for (const std::string& function : figures.functions) {
            bool profiled = false;
            Times times = gather(collection, row, function, profiled);
            if (!times.all.empty()) {
                row.functions.push_back(distribution(collection, function, std::move(times), profiled));
            }
        }
    }
}

}  // namespace inferstep::report
