// Executions that do not return: they are written off, and harm their own model only.
#include "check.hpp"
#include "queue_bench.hpp"

namespace inferstep::test {
namespace {

DeviceQueue::Options impatient(std::int64_t max_run_ms, std::atomic<int>* discarded = nullptr) {
    DeviceQueue::Options options;
    options.max_batch = 16;
    options.max_run_ms = max_run_ms;
    options.discard = [discarded](std::shared_ptr<void> remains) {
        remains.reset();
        if (discarded != nullptr) {
            discarded->fetch_add(1);
        }
    };
    return options;
}

void wait_until(const std::function<bool()>& condition) {
    while (!condition()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

void writes_off_what_does_not_return() {
    std::atomic<int> discarded{0};
    Bench bench(impatient(500, &discarded), nullptr);
    bench.plain->model = std::make_shared<AddOne>();
    bench.model->held = true;
    const auto runaway = bench.send({1}, {1, 1});
    wait_until([&] { return bench.model->entered.load(); });
    const auto behind = bench.send({2}, {1, 1});
    const auto other = bench.send({3}, {1, 1}, bench.plain);
    bench.wait(3);
    CHECK(result(other) == Values({4}));
    const std::string text = "TIMEOUT model m did not return within 0.5 s and is not executed until it is stored again";
    CHECK_EQ(runaway->error, text);
    CHECK_EQ(behind->error, text);
    CHECK_EQ(bench.queue->lost(), 1U);
    CHECK_EQ(bench.queue->waiting(), 0U);
    CHECK_FAILS(bench.queue->admit(*bench.make({1}, {1, 1})), text);
    CHECK_EQ(bench.target->stats.errors.load(), 2U);
    runaway->inputs.clear();  // as its owner does, while the model still reads them
    runaway->target.reset();
    bench.release();
    wait_until([&] { return bench.queue->lost() == 0; });
    CHECK_EQ(discarded.load(), 1);
    CHECK(runaway->outputs.empty());
    CHECK_EQ(bench.done.load(), 3);
}

void gives_up_tasks_too() {
    Bench bench(impatient(300), nullptr);
    const auto never = std::make_shared<std::atomic<bool>>(true);
    CHECK_FAILS(bench.queue->on_every_worker([never]() -> Status {
        never->wait(true);
        return Status::ok();
    }),
                "TIMEOUT the execution did not return within 0.3 s");
    CHECK_EQ(bench.queue->lost(), 1U);
    bench.model->held = false;
    bench.send({1}, {1, 1});
    bench.wait(1);
    *never = false;
    never->notify_all();
}

void loses_no_more_workers_than_it_may() {
    Bench bench(impatient(400), nullptr);
    bench.model->held = true;
    std::vector<RequestRef> requests;
    for (std::size_t i = 0; i <= DeviceQueue::kMaxLost; ++i) {
        auto target = std::make_shared<Target>();
        target->model = bench.model;
        requests.push_back(bench.send({1}, {1, 1}, target));
    }
    const auto waits = bench.make({1}, {1, 1}, bench.plain);
    CHECK(bench.queue->admit(*waits));
    bench.wait(static_cast<int>(DeviceQueue::kMaxLost) + 1);
    CHECK_EQ(bench.queue->lost(), DeviceQueue::kMaxLost + 1);
    bench.queue->submit(waits);
    CHECK(waits->error.starts_with("BUSY device test has lost all its workers, 9 in all"));
    CHECK_FAILS(bench.queue->admit(*bench.make({1}, {1, 1}, bench.plain)), "BUSY device test");
    CHECK_FAILS(bench.queue->on_every_worker([] { return Status::ok(); }), "BUSY device test");
    bench.release();
    wait_until([&] { return bench.queue->lost() == 0; });
    const int before = bench.done;
    const auto after = bench.send({1}, {1, 1}, bench.plain);
    bench.wait(before + 1);
    CHECK(result(after) == Values({2}));
}

// A trial is our idea: when it does not return, the model is no worse for it.
void blames_no_model_for_a_trial() {
    struct HangsTogether final : AddOne {
        Result<std::vector<TensorView>> run(const std::vector<TensorView>& inputs) override {
            if (inputs.front().shape.front() > 1) {
                hang.wait(true);
            }
            return AddOne::run(inputs);
        }
        std::atomic<bool> hang{true};
    };
    const auto model = std::make_shared<HangsTogether>();
    Bench bench(impatient(1500), model);
    bench.hold();
    const auto a = bench.send({1}, {1, 1});
    const auto b = bench.send({2}, {1, 1});
    bench.release();
    bench.wait(3);
    CHECK(result(a) == Values({2}) && result(b) == Values({3}));
    wait_until([&] { return bench.queue->lost() == 1; });
    bench.hold();
    const auto c = bench.send({1}, {1, 1});
    const auto d = bench.send({2}, {1, 1});
    bench.release();
    bench.wait(6);
    CHECK(result(c) == Values({2}) && result(d) == Values({3}));
    CHECK_EQ(bench.queue->lost(), 1U);
    model->hang = false;
    model->hang.notify_all();
}

CU_TestInfo kTests[] = {
    {"a model that does not return harms nobody else", writes_off_what_does_not_return},
    {"nor does one that does not return when it is stored", gives_up_tasks_too},
    {"no more workers are lost than the bound says, and it recovers", loses_no_more_workers_than_it_may},
    {"a trial that does not return is not the model's fault", blames_no_model_for_a_trial},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kRunawaySuite = suite("runaway", kTests);

}  // namespace inferstep::test
