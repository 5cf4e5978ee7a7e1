// Figures made by hand, as compute() would make them of a scaling test: what plots and pages are tested with.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "report/collection.hpp"
#include "report/figures.hpp"

namespace inferstep::test {

struct SampleShape {
    std::vector<std::string> series = {"ddp", "deepspeed", "horovod"};
    std::vector<double> nodes = {1, 2, 4, 8};
    int repeats = 3;
    std::int64_t times = 400;  // of each function of a row
    bool everything = true;    // breakdown, resources, metrics
};

inline report::Value value_with(double value, int repeats, std::vector<std::size_t> from) {
    report::Value out;
    out.value = value;
    if (repeats > 1) {
        out.low = value * 0.96;
        out.high = value * 1.05;
    }
    out.from = std::move(from);
    return out;
}

// A skewed sample about `median`, without chance.
inline report::Distribution sample_times(const std::string& function, double median, std::int64_t count, int repeats,
                                         const std::vector<std::size_t>& from) {
    report::Distribution d;
    d.function = function;
    d.count = count;
    for (int i = 0; i <= 200; ++i) {
        const double p = i == 0 ? 0.0005 : i == 200 ? 0.9995 : i / 200.0;
        const double logit = std::log(p / (1 - p));
        d.quantiles.push_back(median * std::exp(0.11 * logit + 0.004 * logit * logit));
    }
    d.min = d.quantiles.front();
    d.max = d.quantiles.back();
    d.mean = value_with(median * 1.02, repeats, from);
    d.p50 = value_with(median, repeats, from);
    d.p95 = value_with(d.quantiles[190], repeats, from);
    d.p99 = value_with(d.quantiles[198], repeats, from);
    d.deviation = median * 0.2;
    return d;
}

struct Sample {
    report::Collection collection;
    report::Figures figures;
};

inline void add_executions(Sample& sample, const SampleShape& shape, report::Row& row, double time) {
    for (int repeat = 1; repeat <= shape.repeats; ++repeat) {
        report::Execution one;
        one.id = fmt::format("p{:04}", sample.collection.executions.size() + 1);
        one.parameters = {{"strategy", sample.figures.series[row.series].name}, {"nodes", fmt::format("{}", row.x)}};
        one.repeat = repeat;
        one.nodes = row.nodes;
        one.tasks = row.tasks;
        one.seconds = time + 2;
        const std::string point = sample.collection.trees[0].path + "/points/" + one.id;
        one.files.push_back({point + "/records/1.0/rank_0.csv", 0, "n001", shape.times});
        one.logs.push_back({point + "/stdout.log", 0});
        one.accounting.job = "1";
        one.accounting.step = "1.0";
        one.accounting.source = {point + "/sacct_1.txt", 3};
        row.executions.push_back(sample.collection.executions.size());
        sample.collection.executions.push_back(std::move(one));
    }
}

inline void fill_row(report::Row& row, const SampleShape& shape, double time, double first, double own) {
    const auto with = [&](double v) { return value_with(v, shape.repeats, row.executions); };
    const double scale = row.x / shape.nodes.front();
    row.time = with(time);
    row.rate = with(5000 / time);
    row.relative_time = with(time / first);
    row.speedup_common = with(first / time);
    row.speedup_own = with(own / time);
    row.strong_common = with(first / time / scale);
    row.strong_own = with(own / time / scale);
    row.functions.push_back(sample_times("run_model", time / 900, shape.times, shape.repeats, row.executions));
    row.functions.push_back(sample_times("put_tensor", time / 40000, shape.times, shape.repeats, row.executions));
    if (shape.everything) {
        row.utilization = with(0.9 / (1 + 0.05 * row.x));
        row.memory_bytes = with(3.1e9 + 1e8 * row.x);
        row.energy_j = with(40000 * std::pow(row.x, 0.2));
        row.database_share = with(0.2);
        const double communication = 0.05 * std::log2(row.x + 1);
        row.breakdown = {with(communication), with(0.7 - communication), with(0.1), with(0.08), with(0.07), with(0.05)};
        row.metrics.push_back(with(0.71));
    }
}

inline Sample sample_figures(const SampleShape& shape, const std::string& tree = "results/train/run-20261121-201502") {
    Sample sample;
    report::Tree one;
    one.path = tree;
    one.label = "train";
    one.format = "inferstep-sweep/1";
    sample.collection.trees.push_back(one);
    report::Figures& f = sample.figures;
    f.x_name = "nodes";
    f.time_name = "epoch time";
    f.rate_name = "images per second";
    f.rate_unit = "images/s";
    f.functions = {"run_model", "put_tensor"};
    f.has_baseline = true;
    f.baseline_rule = "the fastest at the smallest number of nodes";
    if (shape.everything) {
        report::Metric accuracy;
        accuracy.name = "accuracy";
        accuracy.higher_is_better = true;
        f.metrics.push_back(accuracy);
    }
    const double first = 100;
    for (std::size_t s = 0; s < shape.series.size(); ++s) {
        report::Series series;
        series.name = shape.series[s];
        series.parameters = {{"strategy", shape.series[s]}};
        series.own_baseline = f.rows.size();
        f.series.push_back(series);
        const double own = first * (1 + 0.18 * static_cast<double>(s)) * std::pow(shape.nodes.front(), -0.85);
        for (const double x : shape.nodes) {
            report::Row row;
            row.series = s;
            row.x = x;
            row.nodes = static_cast<int>(x);
            row.tasks = 4 * row.nodes;
            const double slope = 0.93 - 0.03 * static_cast<double>(s % 5);
            const double time = own * std::pow(x / shape.nodes.front(), -slope);
            add_executions(sample, shape, row, time);
            fill_row(row, shape, time, first * std::pow(shape.nodes.front(), -0.85), own);
            f.rows.push_back(std::move(row));
        }
    }
    return sample;
}

}  // namespace inferstep::test
