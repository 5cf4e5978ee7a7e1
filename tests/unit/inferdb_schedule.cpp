// Whose turn it is: models share time, requests of one model keep their order, idle workers share what waits. And the
// histograms that tell how it went.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "check.hpp"
#include "inferdb/schedule.hpp"
#include "queue_bench.hpp"

namespace inferstep::test {
namespace {

struct Line {
    explicit Line(std::int64_t max_batch = 1) : schedule(max_batch) {}
    RequestRef add(const std::shared_ptr<Target>& target, const Values& values = {0}) {
        auto request = std::make_shared<Request>();
        request->target = target;
        request->inputs = {tensor(values, {1, static_cast<std::int64_t>(values.size())})};
        request->output_count = 1;
        schedule.add(request);
        return request;
    }
    // Serve one batch that takes `ns`; whose it was.
    const Target* serve(std::int64_t ns) {
        const Schedule::Taken taken = schedule.take(0, 1);
        if (taken.batch.empty()) {
            return nullptr;
        }
        Target& target = *taken.batch.front()->target;
        schedule.charge(target, static_cast<std::int64_t>(taken.batch.size()), taken.charged, ns);
        return &target;
    }
    Schedule schedule;
};

void shares_time() {
    Line line;
    const auto heavy = std::make_shared<Target>();
    const auto light = std::make_shared<Target>();
    for (int i = 0; i < 1000; ++i) {
        line.add(heavy);
        line.add(light);
    }
    std::int64_t time_of_heavy = 0;
    std::int64_t time_of_light = 0;
    for (int i = 0; i < 1100; ++i) {
        const Target* served = line.serve(0);
        // serve() cannot know yet what to charge: say it now.
        const std::int64_t ns = served == heavy.get() ? 10'000 : 1'000;
        line.schedule.charge(served == heavy.get() ? *heavy : *light, 1, 0, ns);
        (served == heavy.get() ? time_of_heavy : time_of_light) += ns;
    }
    CHECK(std::abs(time_of_heavy - time_of_light) <= 20'000);
}

void a_newcomer_does_not_wait() {
    Line line;
    const auto busy = std::make_shared<Target>();
    const auto rare = std::make_shared<Target>();
    for (int i = 0; i < 1000; ++i) {
        line.add(busy);
    }
    for (int i = 0; i < 100; ++i) {
        CHECK(line.serve(1'000'000) == busy.get());
    }
    line.add(rare);
    line.add(rare);
    const bool soon = line.serve(1'000'000) == rare.get() || line.serve(1'000'000) == rare.get();
    CHECK(soon);
    // What it did not use while it was away is not saved up: from now on they take turns.
    int of_rare = 0;
    for (int i = 0; i < 20; ++i) {
        line.add(rare);
        of_rare += line.serve(1'000'000) == rare.get() ? 1 : 0;
    }
    CHECK(of_rare >= 9 && of_rare <= 11);
}

void keeps_the_order_of_one_model() {
    Line line;
    const auto target = std::make_shared<Target>();
    std::vector<RequestRef> sent;
    for (int i = 0; i < 64; ++i) {
        sent.push_back(line.add(target));
    }
    for (const RequestRef& expected : sent) {
        const Schedule::Taken taken = line.schedule.take(0, 1);
        CHECK(taken.batch.size() == 1 && taken.batch.front() == expected);
    }
    CHECK(line.schedule.take(0, 1).batch.empty());
}

void shares_among_idle_workers() {
    Line line(16);
    const auto target = std::make_shared<Target>();
    for (int trial = 0; trial < 3 * Trials::kRepeats; ++trial) {  // until eight may be joined
        for (int i = 0; i < 8; ++i) {
            line.add(target);
        }
        const Schedule::Taken taken = line.schedule.take(0, 1);
        if (taken.trial) {
            target->trials.record(taken.signature, 8, Verdict::same);
        }
        line.schedule.remove_all(*target);
    }
    for (const auto& [waiting, idle, together] : {std::tuple(4, 2, 2), {4, 1, 4}, {5, 2, 3}, {2, 4, 1}, {20, 1, 16}}) {
        for (int i = 0; i < waiting; ++i) {
            line.add(target);
        }
        const Schedule::Taken taken = line.schedule.take(0, static_cast<std::size_t>(idle));
        CHECK_EQ(static_cast<int>(taken.batch.size()), together);
        line.schedule.remove_all(*target);
    }
}

void removes_what_waits() {
    Line line(16);
    const auto target = std::make_shared<Target>();
    const auto other = std::make_shared<Target>();
    const auto first = line.add(target);
    line.add(target, {1, 2});
    line.add(other);
    line.schedule.remove(*first);
    line.schedule.remove(*first);
    CHECK_EQ(line.schedule.remove_all(*target).size(), 1U);
    CHECK_EQ(line.schedule.remove_all().size(), 1U);
    CHECK(line.schedule.take(0, 1).batch.empty());
}

void quantiles_are_near() {
    std::mt19937_64 random(7);
    std::lognormal_distribution<double> times(12, 3);
    Histogram histogram;
    std::vector<std::uint64_t> samples;
    for (int i = 0; i < 20'000; ++i) {
        samples.push_back(static_cast<std::uint64_t>(times(random)));
        histogram.add(samples.back());
    }
    std::sort(samples.begin(), samples.end());
    for (const double q : {0.0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        const auto rank = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(q * 20'000)));
        const auto exact = static_cast<double>(samples[rank - 1]);
        const auto near = static_cast<double>(histogram.quantile(q));
        CHECK_IN(fmt::format("q={} {} {}", q, near, exact), std::abs(near - exact) <= 0.05 * exact);
    }
    CHECK_EQ(histogram.count(), 20'000U);
    CHECK_EQ(histogram.sum(), std::accumulate(samples.begin(), samples.end(), std::uint64_t{0}));
    histogram.reset();
    CHECK_EQ(histogram.quantile(0.5), 0U);
}

void takes_any_number() {
    Histogram histogram;
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{15}, std::uint64_t{16}, ~std::uint64_t{0}}) {
        histogram.add(value);
    }
    CHECK_EQ(histogram.quantile(0.25), 0U);
    CHECK_EQ(histogram.quantile(0.5), 15U);
    CHECK_EQ(histogram.quantile(0.75), 16U);
    CHECK(histogram.quantile(1) > 8'000'000'000'000U);
    ModelStats stats;
    for (const std::int64_t size : {1, 1, 2, 3, 4, 5, 16}) {
        stats.count_size(size);
    }
    stats.count_size(std::int64_t{1} << 40);
    CHECK_EQ(stats.sizes_text(), "1x2/2x1/4x2/8x1/16x1/1048576x1");
}

CU_TestInfo kTests[] = {
    {"a heavy and a light model get the same time", shares_time},
    {"a thousand waiting requests do not keep another model waiting", a_newcomer_does_not_wait},
    {"requests of one model are served in their order", keeps_the_order_of_one_model},
    {"idle workers share what waits", shares_among_idle_workers},
    {"what is removed is not served", removes_what_waits},
    {"quantiles are within 5 % of those of the sorted samples", quantiles_are_near},
    {"histograms take any number", takes_any_number},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kScheduleSuite = suite("schedule", kTests);

}  // namespace inferstep::test
