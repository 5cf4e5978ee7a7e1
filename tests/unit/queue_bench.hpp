// A queue with a model of our own, for the tests of the queue.
#pragma once

#include <atomic>
#include <cstring>
#include <memory>
#include <vector>

#include "check.hpp"
#include "inferdb/queue.hpp"

namespace inferstep::test {

using Values = std::vector<float>;

// Adds one to every element; can be held, so that requests pile up behind it, and told to refuse a value.
class AddOne : public Model {
   public:
    Result<std::vector<TensorView>> run(const std::vector<TensorView>& inputs) override {
        if (held) {
            entered = true;
            held.wait(true);
        }
        batches.fetch_add(1);
        std::vector<TensorView> outputs;
        for (const TensorView& input : inputs) {
            auto values = std::make_shared<Values>(input.bytes / sizeof(float));
            std::memcpy(values->data(), input.data, input.bytes);
            for (float& value : *values) {
                if (value == refused) {
                    return fail("refused");
                }
                value += 1;
            }
            outputs.push_back({DType::float32, input.shape, values->data(), input.bytes, values});
        }
        return outputs;
    }
    std::vector<std::int64_t> example_shape() const override { return {}; }

    std::atomic<bool> held{false};
    std::atomic<bool> entered{false};
    std::atomic<int> batches{0};
    float refused = -1;
};

inline std::shared_ptr<void> take_memory(std::size_t bytes) {
    const auto block = std::make_shared<std::vector<char>>(bytes + 1);
    return {block, block->data()};
}
inline std::shared_ptr<void> no_memory(std::size_t) { return nullptr; }

inline std::shared_ptr<const TensorView> tensor(const Values& values, std::vector<std::int64_t> shape) {
    auto owner = std::make_shared<Values>(values);
    return std::make_shared<TensorView>(
        TensorView{DType::float32, std::move(shape), owner->data(), values.size() * sizeof(float), owner});
}

// A queue with one model, and requests that are waited for.
struct Bench {
    explicit Bench(BatchPolicy policy = {}, int workers = 1, std::size_t capacity = 100,
                   DeviceQueue::Allocate allocate = take_memory) {
        target->model = model;
        target->policy = policy;
        DeviceQueue::Options options;
        options.workers = workers;
        options.capacity = capacity;
        options.allocate = allocate;
        start(std::move(options));
    }
    // With other options; `executed` is what the target executes, if not the model that can be held.
    Bench(DeviceQueue::Options options, std::shared_ptr<Model> executed) {
        target->name = "m";
        target->model = executed ? std::move(executed) : model;
        options.allocate = take_memory;
        start(std::move(options));
    }
    void start(DeviceQueue::Options options) {
        options.name = "test";
        options.prepare = [this] { prepared.fetch_add(1); };
        queue = std::make_unique<DeviceQueue>(std::move(options));
    }
    ~Bench() { release(); }

    RequestRef make(const Values& values, std::vector<std::int64_t> shape, std::shared_ptr<Target> of = nullptr) {
        auto request = std::make_shared<Request>();
        request->target = of ? of : target;
        request->inputs = {tensor(values, std::move(shape))};
        request->output_count = 1;
        request->done = [this] {
            done.fetch_add(1);
            done.notify_all();
        };
        return request;
    }
    RequestRef send(const Values& values, std::vector<std::int64_t> shape, std::shared_ptr<Target> of = nullptr) {
        RequestRef request = make(values, std::move(shape), std::move(of));
        if (CHECK(queue->admit(*request))) {
            queue->submit(request);
        }
        return request;
    }
    // The only worker is busy from now on, until release().
    void hold() {
        model->entered = false;
        model->held = true;
        send({0}, {1}, plain);
        while (!model->entered) {
            std::this_thread::yield();
        }
    }
    void release() {
        model->held = false;
        model->held.notify_all();
    }
    void wait(int count) {
        for (int seen = done; seen < count; seen = done) {
            done.wait(seen);
        }
    }

    std::shared_ptr<AddOne> model = std::make_shared<AddOne>();
    std::shared_ptr<Target> target = std::make_shared<Target>();
    std::shared_ptr<Target> plain = [this] {
        auto t = std::make_shared<Target>();
        t->model = model;
        return t;
    }();
    std::atomic<int> done{0};
    std::atomic<int> prepared{0};
    std::unique_ptr<DeviceQueue> queue;
};

inline Values result(const RequestRef& request) {
    if (!CHECK_EQ(request->error, "") || !CHECK_EQ(request->outputs.size(), 1U)) {
        return {};
    }
    Values values(request->outputs[0]->bytes / sizeof(float));
    std::memcpy(values.data(), request->outputs[0]->data, request->outputs[0]->bytes);
    return values;
}

}  // namespace inferstep::test
