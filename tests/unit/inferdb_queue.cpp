// The queue of a device without Redis and without libtorch: batching, waiting, cancelling, under one and many threads.
#include <latch>

#include "check.hpp"
#include "core/clock.hpp"
#include "queue_bench.hpp"

namespace inferstep::test {
namespace {

void joins_what_waits() {
    Bench bench({8, 0, 0});
    bench.hold();
    const auto a = bench.send({1, 2}, {1, 2});
    const auto b = bench.send({3, 4, 5, 6}, {2, 2});
    const auto odd = bench.send({7, 8, 9}, {1, 3});
    CHECK_EQ(bench.queue->waiting(), 3U);
    CHECK_EQ(bench.queue->running(), 1U);
    bench.release();
    bench.wait(4);
    CHECK(result(a) == Values({2, 3}));
    CHECK(result(b) == Values({4, 5, 6, 7}));
    CHECK(result(odd) == Values({8, 9, 10}));
    CHECK(b->outputs[0]->shape == std::vector<std::int64_t>({2, 2}));
    CHECK_EQ(bench.model->batches.load(), 3);  // what held the worker, a with b, odd
    CHECK_EQ(bench.target->stats.samples.load(), 4U);
    CHECK_EQ(bench.target->stats.batches.load(), 2U);
}

void respects_batch_size() {
    Bench bench({3, 0, 0});
    bench.hold();
    std::vector<RequestRef> requests;
    for (const int samples : {2, 2, 1, 5, 1}) {
        requests.push_back(bench.send(Values(static_cast<std::size_t>(samples), 1), {samples, 1}));
    }
    bench.release();
    bench.wait(6);
    CHECK_EQ(bench.target->stats.batches.load(), 4U);  // 2, 2+1, 5, 1
    for (const RequestRef& request : requests) {
        result(request);
    }
}

void never_joins_without_policy() {
    Bench bench;
    bench.hold();
    bench.send({1}, {1, 1});
    bench.send({1}, {1, 1});
    bench.release();
    bench.wait(3);
    CHECK_EQ(bench.target->stats.batches.load(), 2U);
}

void waits_for_the_minimum() {
    Bench bench({4, 2, 0});
    const auto first = bench.send({1}, {1, 1});
    const auto other = bench.send({5}, {1, 1}, bench.plain);  // another model is served meanwhile
    bench.wait(1);
    CHECK(result(other) == Values({6}));
    CHECK(first->outputs.empty());
    bench.send({2}, {1, 1});
    bench.wait(3);
    CHECK(result(first) == Values({2}));
    CHECK_EQ(bench.target->stats.batches.load(), 1U);
}

void waits_no_longer_than_told() {
    Bench bench({4, 2, 60});
    const std::int64_t start = now_ns();
    bench.send({1}, {1, 1});
    bench.wait(1);
    CHECK(now_ns() - start >= 60'000'000);
    CHECK(bench.target->stats.queue.sum() >= 60'000'000U);
}

void cancels_what_waits_only() {
    Bench bench({4, 0, 0});
    bench.hold();
    const auto stays = bench.send({1}, {1, 1});
    const auto leaves = bench.send({2}, {1, 1});
    CHECK(bench.queue->cancel(*leaves));
    CHECK(!bench.queue->cancel(*leaves));
    const auto early = bench.make({3}, {1, 1});
    CHECK(bench.queue->admit(*early));
    CHECK(bench.queue->cancel(*early));
    early->inputs.clear();  // as its owner does
    bench.queue->submit(early);
    CHECK_EQ(bench.queue->waiting(), 1U);
    bench.release();
    bench.wait(2);
    CHECK(result(stays) == Values({2}));
    CHECK(!bench.queue->cancel(*stays));
    CHECK(leaves->outputs.empty());
    CHECK_EQ(bench.target->stats.calls.load(), 1U);
}

void is_bounded() {
    Bench bench({}, 1, 2);
    bench.hold();
    bench.send({1}, {1});
    const auto second = bench.send({1}, {1});
    const auto third = bench.make({1}, {1});
    CHECK(!bench.queue->admit(*third));
    CHECK(bench.queue->cancel(*second));
    CHECK(bench.queue->admit(*third));
    bench.queue->fail(third, "cannot be loaded");
    CHECK_EQ(third->error, "cannot be loaded");
    CHECK_EQ(bench.queue->waiting(), 1U);
    bench.release();
    bench.wait(3);
}

void keeps_errors_apart() {
    Bench bench({4, 0, 0});
    bench.model->refused = 13;
    bench.hold();
    const auto good = bench.send({1}, {1, 1});
    const auto bad = bench.send({13}, {1, 1});
    bench.release();
    bench.wait(3);
    CHECK(result(good) == Values({2}));
    CHECK_EQ(bad->error, "refused");
    CHECK_EQ(bench.target->stats.errors.load(), 1U);
    CHECK_EQ(bench.target->stats.samples.load(), 1U);
}

void says_when_memory_is_short() {
    Bench bench({}, 1, 10, no_memory);
    const auto request = bench.send({1}, {1});
    bench.wait(1);
    CHECK_EQ(request->error, "no memory for an output of 4 bytes");
}

void finds_the_joint_extent() {
    CHECK_EQ(joint_extent({tensor({1, 2}, {2}), tensor({1, 2, 3, 4}, {2, 2})}), 2);
    CHECK_EQ(joint_extent({tensor({1, 2}, {2}), tensor({1}, {1})}), 0);
    CHECK_EQ(joint_extent({tensor({}, {0}), tensor({1}, {1})}), 0);
    CHECK_EQ(joint_extent({tensor({1}, {})}), 0);
    CHECK_EQ(joint_extent({}), 0);
}

void runs_tasks_on_every_worker() {
    Bench bench({}, 3);
    std::atomic<int> count{0};
    std::latch all(3);  // each worker has to be there: no worker takes two
    CHECK(bench.queue->on_every_worker([&] {
        count.fetch_add(1);
        all.arrive_and_wait();
        return Status::ok();
    }));
    CHECK_EQ(count.load(), 3);
    CHECK_EQ(bench.prepared.load(), 3);
    CHECK_FAILS(bench.queue->on_every_worker([]() -> Status { return fail("broken"); }), "broken");
}

void serves_many_threads() {
    Bench bench({8, 2, 1}, 3, 100'000);
    constexpr int kThreads = 4;
    constexpr int kEach = 300;
    std::atomic<int> wrong{0};
    std::atomic<int> cancelled{0};
    std::vector<std::thread> senders;
    for (int t = 0; t < kThreads; ++t) {
        senders.emplace_back([&, t] {
            for (int i = 0; i < kEach; ++i) {
                const auto value = static_cast<float>(t * kEach + i);
                const auto request = bench.make({value}, {1, 1});
                std::atomic<bool> finished{false};
                request->done = [&] {
                    finished = true;
                    finished.notify_all();
                };
                if (!bench.queue->admit(*request)) {
                    wrong.fetch_add(1);
                    continue;
                }
                bench.queue->submit(request);
                if (i % 5 == 0 && bench.queue->cancel(*request)) {
                    cancelled.fetch_add(1);
                    continue;
                }
                finished.wait(false);
                const bool right = request->error.empty() && request->outputs.size() == 1 &&
                                   *static_cast<const float*>(request->outputs[0]->data) == value + 1;
                wrong.fetch_add(right ? 0 : 1);
            }
        });
    }
    for (std::thread& sender : senders) {
        sender.join();
    }
    CHECK_EQ(wrong.load(), 0);
    CHECK_EQ(bench.queue->waiting(), 0U);
    CHECK_EQ(static_cast<int>(bench.target->stats.samples.load()) + cancelled.load(), kThreads * kEach);
}

CU_TestInfo kTests[] = {
    {"requests that wait for one model are executed together", joins_what_waits},
    {"a batch has at most batch_size samples, unless one request has more", respects_batch_size},
    {"without batch_size every request is executed alone", never_joins_without_policy},
    {"a model waits for its minimum while others are served", waits_for_the_minimum},
    {"min_batch_timeout ends the waiting, not earlier", waits_no_longer_than_told},
    {"only what waits can be cancelled", cancels_what_waits_only},
    {"no more wait than the capacity says", is_bounded},
    {"an error spoils no other result of its batch", keeps_errors_apart},
    {"an output for which there is no memory is an error", says_when_memory_is_short},
    {"inputs are joined by a first extent that all share", finds_the_joint_extent},
    {"a task runs once on every worker", runs_tasks_on_every_worker},
    {"many threads get their own results, with cancelling in between", serves_many_threads},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kQueueSuite = suite("queue", kTests);

}  // namespace inferstep::test
