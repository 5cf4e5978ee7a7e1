// Figures of collections that were made by hand, against what a person calculates.
#include <algorithm>
#include <cmath>
#include <fstream>

#include "check.hpp"
#include "folder.hpp"
#include "report/compute.hpp"
#include "report/compute_breakdown.hpp"
#include "report/tables.hpp"
#include "report_sample.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace inferstep::report;

bool near(double a, double b, double tolerance = 1e-12) { return std::fabs(a - b) <= tolerance * std::fabs(b); }

bool says(const std::vector<Note>& notes, const std::string& words) {
    return std::any_of(notes.begin(), notes.end(),
                       [&](const Note& n) { return n.text.find(words) != std::string::npos; });
}

// Loop times in seconds of two strategies on 1, 2 and 4 nodes, two repeats; the same work everywhere.
Collection strong() {
    const std::pair<const char*, std::vector<double>> strategies[] = {{"ddp", {8, 5, 3}}, {"deepspeed", {10, 5, 2.5}}};
    std::vector<Execution> all;
    for (const auto& [strategy, seconds] : strategies) {
        for (std::size_t i = 0; i < seconds.size(); ++i) {
            for (int repeat = 1; repeat <= 2; ++repeat) {
                Execution e = execution(1 << i, strategy, repeat);
                const double t = seconds[i] * (repeat == 1 ? 0.99 : 1.01);
                add_times(e, "loop_time", {{t * 0.9}, {t}});
                e.work = 1000;
                e.work_unit = "images";
                all.push_back(std::move(e));
            }
        }
    }
    return collection_of(std::move(all));
}

void strong_scaling_has_both_baselines() {
    const Figures f = compute(strong(), {});
    CHECK_EQ(f.x_name, "nodes");
    CHECK_EQ(f.series.size(), 2U);
    CHECK_EQ(f.rows.size(), 6U);
    CHECK_EQ(f.time_name, "loop_time");
    CHECK_EQ(f.rate_unit, "images/s");
    CHECK(f.scaling == Scaling::kStrong);
    CHECK_EQ(f.series[1].name, "deepspeed");
    CHECK_EQ(f.common_baseline, 0U);
    CHECK(f.baseline_rule.find("ddp, nodes 1") != std::string::npos);
    const Row& last = f.rows[5];  // deepspeed on four nodes
    CHECK(near(last.time.value, 2.5));
    const double rate = (1000 / 2.475 + 1000 / 2.525) / 2;
    const double base = (1000 / 7.92 + 1000 / 8.08) / 2;
    CHECK(near(last.rate.value, rate));
    CHECK(near(last.speedup_common.value, rate / base));
    CHECK(near(last.strong_common.value, rate / base / 4));
    CHECK(near(last.speedup_own.value, 4) && near(last.strong_own.value, 1));
    CHECK(near(last.relative_time.value, 2.5 / 8));
    CHECK(std::isnan(last.weak_common.value) && std::isnan(last.weak_own.value));
    CHECK(last.speedup_common.low < last.speedup_common.value && last.speedup_common.value < last.speedup_common.high);
    CHECK(f.rows[0].speedup_common.value == 1 && std::isnan(f.rows[0].speedup_common.low));
    CHECK(near(last.imbalance.value, 0.05));
}

void the_baseline_can_be_named() {
    FigureOptions options;
    options.baseline = {{"strategy", "deepspeed"}, {"nodes", "2"}};
    const Figures f = compute(strong(), options);
    CHECK_EQ(f.common_baseline, 4U);
    CHECK(f.baseline_rule.find("as given") != std::string::npos);
    CHECK(near(f.rows[5].speedup_common.value, 2));
    options.baseline = {{"strategy", "horovod"}};
    const Figures g = compute(strong(), options);
    CHECK_EQ(g.common_baseline, 0U);
    CHECK(says(g.notes, "no result fits the baseline strategy horovod"));
}

void weak_scaling_is_told_by_the_work() {
    Collection c = strong();
    for (Execution& e : c.executions) {
        e.work *= e.nodes;
    }
    const Figures f = compute(c, {});
    CHECK(f.scaling == Scaling::kWeak);
    CHECK(near(f.rows[5].weak_common.value, 8 / 2.5) && near(f.rows[5].weak_own.value, 4));
    CHECK(std::isnan(f.rows[5].strong_common.value));
    c.executions.back().work *= 3;
    CHECK(compute(c, {}).scaling == Scaling::kNeither);
    for (Execution& e : c.executions) {
        e.work = kUnknown;
    }
    const Figures unknown = compute(c, {});
    CHECK(unknown.scaling == Scaling::kNotKnown);
    CHECK(near(unknown.rows[5].speedup_common.value, 8 / 2.5));
    CHECK(unknown.rate_name.empty() && says(unknown.notes, "no rate was measured"));
}

void what_varies_makes_axis_and_series() {
    std::vector<Execution> all;
    for (const char* batch : {"16", "64"}) {
        for (const char* clients : {"4", "8"}) {
            Execution e = execution(1, "ddp", 1);
            e.tasks = 3;
            e.parameters = {{"batch", batch}, {"clients", clients}, {"language", "cpp"}};
            all.push_back(std::move(e));
        }
    }
    Collection c = collection_of(all);
    const Figures batch = compute(c, {});
    CHECK_EQ(batch.x_name, "batch");
    CHECK_EQ(batch.series.size(), 2U);
    CHECK_EQ(batch.series[0].name, "clients 4");
    FigureOptions options;
    options.x = "language";
    const Figures wrong = compute(c, options);
    CHECK_EQ(wrong.x_name, "batch");
    CHECK(says(wrong.notes, "language cannot be the horizontal axis"));
    // A number that follows x is no series of its own.
    for (Execution& e : c.executions) {
        e.nodes = e.parameters[0].second == "16" ? 1 : 2;
    }
    const Figures follows = compute(c, {});
    CHECK_EQ(follows.x_name, "nodes");
    CHECK_EQ(follows.series.size(), 2U);
    CHECK(says(follows.notes, "batch changes with nodes"));
}

void one_of_everything_is_enough() {
    Execution e = execution(2, "ddp", 1);
    add_times(e, "run_model", {{0.25}});
    const Collection c = collection_of({e});
    const Figures f = compute(c, {});
    CHECK_EQ(f.rows.size(), 1U);
    const Distribution& d = f.rows[0].functions[0];
    CHECK(d.count == 1 && d.mean.value == 0.25 && d.p99.value == 0.25 && std::isnan(d.deviation));
    CHECK(std::isnan(d.mean.low));
    CHECK_EQ(d.quantiles.size(), 201U);
    CHECK(f.scaling == Scaling::kNone || f.time_name.empty());
    CHECK(says(f.notes, "one repeat of everything"));
    CHECK(tables(f, c).find("nan") == std::string::npos);
    const Figures nothing = compute(collection_of({}), {});
    CHECK(nothing.rows.empty() && !nothing.has_baseline);
    CHECK(!tables(nothing, collection_of({})).empty());
}

void failures_and_warmups_are_in_no_figure() {
    Collection c = strong();
    c.executions[0].warmup = true;
    c.executions[2].state = State::kFailed;
    c.executions[2].exit_code = 3;
    c.executions[2].why = "the database did not become ready";
    for (std::size_t i = 4; i < 6; ++i) {
        c.executions[i].state = State::kTimeout;
    }
    const Figures f = compute(c, {});
    CHECK_EQ(f.rows.size(), 6U);
    CHECK_EQ(f.rows[0].executions.size(), 1U);
    CHECK_EQ(f.rows[1].executions.size(), 1U);
    CHECK(f.rows[2].executions.empty() && std::isnan(f.rows[2].time.value));
    CHECK_EQ(f.failures.size(), 3U);
    CHECK(f.failures[0].text.find("failed: the database did not") != std::string::npos);
    CHECK(says(f.notes, "1 of 6 results have no execution that succeeded"));
}

void distributions_are_those_of_numpy() {
    std::vector<Execution> all;
    for (int repeat = 1; repeat <= 2; ++repeat) {
        Execution e = execution(1, "ddp", repeat);
        add_times(e, "put_tensor", {{4.0 * repeat, 1}, {3, 2}});
        all.push_back(std::move(e));
    }
    const Distribution d = compute(collection_of(all), {}).rows[0].functions[0];
    CHECK_EQ(d.count, 8);
    CHECK(near(d.mean.value, 3));  // 1 1 2 2 3 3 4 8
    CHECK(near(d.deviation, std::sqrt((4 + 4 + 1 + 1 + 0 + 0 + 1 + 25) / 7.0)));
    CHECK(near(d.p50.value, 2.5) && near(d.p95.value, 6.6) && near(d.p99.value, 7.72));
    CHECK(d.min == 1 && d.max == 8 && d.quantiles[100] == d.p50.value);
    // The repeats' medians are 2.5 and 2.5, their means 2.5 and 3.5.
    CHECK(d.p50.low == 2.5 && d.p50.high == 2.5);
    CHECK(near(d.mean.high - 3, 12.706204736 * 0.5, 1e-8));
}

void the_line_of_the_slowest_is_found() {
    Folder folder;
    const std::string path = folder / "rank_0.csv";
    std::ofstream(path) << "rank,function,time\n0,put_tensor,0.5\n0,run_model,0.25\n0,run_model, 0.5\r\n";
    Execution e = execution(1, "ddp", 1);
    e.files.push_back({path, 0, "", 3});
    add_times(e, "run_model", {{0.25, 0.5}});
    const Distribution d = compute(collection_of({e}), {}).rows[0].functions[0];
    CHECK_EQ(d.fastest.line, 3);
    CHECK_EQ(d.slowest.line, 4);
    CHECK_EQ(d.slowest.file, path);
}

void what_comes_from_outside_forges_no_line() {
    Collection c = strong();
    const std::string evil = "\x1b[31m\nFailures";
    for (Execution& e : c.executions) {
        e.id += evil;
        e.parameters = {{"nodes" + evil, std::to_string(e.nodes)}, {evil, e.parameters[1].second + evil}};
        e.metrics = {{evil, evil, true, 1, {evil, 3}}};
        e.nodes = 1;
        e.tasks = 1;
        e.functions[0].function += evil;
        e.files[0].node = evil;
        e.accounting.why = evil;
    }
    c.executions[3].state = State::kFailed;
    c.executions[3].why = evil;
    c.notes.push_back({{evil, 1}, evil});
    c.trees[0].path = evil;
    const std::string text = tables(compute(c, {}), c);
    CHECK(text.find('\x1b') == std::string::npos);
    std::size_t lines = 0;
    for (std::size_t at = text.find("\nFailures\n"); at != std::string::npos; at = text.find("\nFailures\n", at + 1)) {
        ++lines;
    }
    CHECK_EQ(lines, 1U);
    CHECK(text.find("nodes\\x1b") != std::string::npos);
}

CU_TestInfo kTests[] = {{"strong scaling has both baselines", strong_scaling_has_both_baselines},
                        {"the baseline can be named", the_baseline_can_be_named},
                        {"weak scaling is told by the work", weak_scaling_is_told_by_the_work},
                        {"what varies makes axis and series", what_varies_makes_axis_and_series},
                        {"one of everything is enough", one_of_everything_is_enough},
                        {"failures and warm-ups are in no figure", failures_and_warmups_are_in_no_figure},
                        {"distributions are those of numpy", distributions_are_those_of_numpy},
                        {"the line of the slowest is found", the_line_of_the_slowest_is_found},
                        {"what comes from outside forges no line", what_comes_from_outside_forges_no_line},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kReportFiguresSuite = suite("report_figures", kTests);

}  // namespace inferstep::test
