// The queue of one device: requests wait here until a worker thread executes them, several of one model together where
// the model allows it. Knows nothing of Redis, so that it can be tested alone.
//
// Requests are served in the order of their arrival, except that
//  - a request is joined by later ones for the same model whose inputs agree in type and in all extents but the first,
//    up to `batch_size` samples together;
//  - a model with `min_batch_size` waits until that many samples are there, or until the oldest of them has waited
//    `min_batch_timeout_ms`; meanwhile other models are served.
// Thread-safe, but for what is said to belong to whoever made the request.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/result.hpp"
#include "inferdb/backend.hpp"

namespace inferstep {

struct BatchPolicy {
    std::int64_t batch_size = 0;            // samples of one execution; 0: every request alone
    std::int64_t min_batch_size = 0;        // wait for that many; 0: never wait
    std::int64_t min_batch_timeout_ms = 0;  // but not longer; 0: however long it takes
};

// Counted since the model was stored or its statistics were reset. Times in microseconds, summed.
struct ModelStats {
    std::atomic<std::uint64_t> calls{0};      // requests answered, well or not
    std::atomic<std::uint64_t> errors{0};     // of these, with an error
    std::atomic<std::uint64_t> samples{0};    // first extents of the requests executed well
    std::atomic<std::uint64_t> batches{0};    // executions
    std::atomic<std::uint64_t> queue{0};      // from arrival to the beginning of the execution, each request
    std::atomic<std::uint64_t> input{0};      // joining inputs, each execution
    std::atomic<std::uint64_t> inference{0};  // inside libtorch, each execution
    std::atomic<std::uint64_t> output{0};     // splitting and copying outputs, each execution

    void reset();
};

// What a request executes. `model` is set once, before the first request is submitted.
struct Target {
    std::shared_ptr<Model> model;
    BatchPolicy policy;
    ModelStats stats;
};

class Request {
   public:
    std::shared_ptr<Target> target;
    std::vector<std::shared_ptr<const TensorView>> inputs;  // released by whoever made the request
    // Executed instead of the target's model, and never joined with others: a function of a script.
    std::function<Result<std::vector<TensorView>>(const std::vector<TensorView>& inputs)> call;
    std::size_t output_count = 0;  // how many outputs the caller has named
    std::function<void()> done;    // called once, on a worker, when the request has been executed

    // Valid once `done` was called: outputs, or why there are none.
    std::vector<std::shared_ptr<const TensorView>> outputs;
    std::string error;

   private:
    friend class DeviceQueue;
    enum class State : std::uint8_t { waiting, running, cancelled };
    std::atomic<State> state_{State::waiting};
    std::string group_;  // requests with the same one can be joined; empty: with none
    std::int64_t samples_ = 1;
    std::int64_t arrival_ns_ = 0;
};
using RequestRef = std::shared_ptr<Request>;
using Batch = std::vector<RequestRef>;

class DeviceQueue {
   public:
    using Allocate = std::shared_ptr<void> (*)(std::size_t bytes);  // memory for outputs; null when there is none
    struct Options {
        std::string name;  // of the device, for the names of the threads
        int workers = 1;
        std::size_t capacity = 1024;    // requests that may wait
        std::function<void()> prepare;  // called by each worker before anything else
        Allocate allocate = nullptr;
    };
    explicit DeviceQueue(Options options);
    ~DeviceQueue();  // as stop()
    DeviceQueue(const DeviceQueue&) = delete;
    DeviceQueue& operator=(const DeviceQueue&) = delete;

    // Count the request as waiting from now on, before it is submitted. False: the queue is full.
    bool admit(Request& request);
    // An admitted request becomes due. Nothing happens when it has been cancelled.
    void submit(const RequestRef& request);
    // An admitted request cannot be executed after all: it is done, with this error. Nothing when it was cancelled.
    void fail(const RequestRef& request, std::string error);
    // True: the request was still waiting and will not be executed, `done` will not be called.
    bool cancel(Request& request);
    // Run `task` once on each worker and wait for all; the first error.
    Status on_every_worker(const std::function<Status()>& task);
    // Finish what is being executed and end the workers. What waits is never executed.
    void stop();

    std::size_t waiting() const;
    std::size_t running() const;

   private:
    struct Group {  // requests that can be joined, oldest first
        std::deque<RequestRef> members;
        std::int64_t samples = 0;
    };
    using Groups = std::list<Group>;  // by the arrival of the oldest member

    void work(std::size_t worker);
    void execute(Batch& batch);
    Batch take(std::int64_t now, std::int64_t& wake);
    Batch take_from(Groups::iterator group);
    void close(Groups::iterator group);
    bool due(const Group& group, std::int64_t now, std::int64_t& wake) const;

    const Options options_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;   // work for the workers
    std::condition_variable finished_;  // a task of on_every_worker
    Groups groups_;
    std::unordered_map<std::string, Groups::iterator> joinable_;
    std::size_t waiting_ = 0;
    std::size_t running_ = 0;
    bool stopping_ = false;
    std::vector<std::deque<std::function<void()>>> tasks_;  // of each worker
    std::vector<std::thread> workers_;
};

// Execute a batch on the calling thread: joins inputs, runs, splits outputs, counts; fills outputs or error of each.
// When a joint execution fails, every request is executed alone, so that one bad input spoils no other's result.
void run_batch(const Batch& batch, DeviceQueue::Allocate allocate);

// First extent that all inputs share, by which requests are joined; 0 when they cannot be.
std::int64_t joint_extent(const std::vector<std::shared_ptr<const TensorView>>& inputs);

}  // namespace inferstep
