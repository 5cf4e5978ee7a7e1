// What is executed, who asks for it, and what is counted of it. Knows nothing of Redis.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "inferdb/backend.hpp"
#include "inferdb/histogram.hpp"
#include "inferdb/trial.hpp"

namespace inferstep {

struct BatchPolicy {
    std::int64_t batch_size = 0;            // samples of one execution; 0: as many as the queue finds good and safe
    std::int64_t min_batch_size = 0;        // with batch_size: wait for that many; 0: never wait
    std::int64_t min_batch_timeout_ms = 0;  // but not longer; 0: however long it takes
};

// Counted since the model was stored or its statistics were reset. Times in nanoseconds.
struct ModelStats {
    static constexpr std::size_t kSizes = 21;

    std::atomic<std::uint64_t> calls{0};                     // requests answered, well or not
    std::atomic<std::uint64_t> errors{0};                    // of these, with an error
    std::atomic<std::uint64_t> samples{0};                   // first extents of the requests executed well
    std::atomic<std::uint64_t> batches{0};                   // executions
    std::atomic<std::uint64_t> trials{0};                    // executions that only told whether requests may be joined
    std::array<std::atomic<std::uint64_t>, kSizes> sizes{};  // i: executions of more than 2^(i-1), up to 2^i samples
    Histogram queue;      // from arrival to the beginning of the execution, each request
    Histogram input;      // joining inputs, each execution
    Histogram inference;  // inside libtorch, each execution
    Histogram output;     // splitting and copying outputs, each execution

    void count_size(std::int64_t samples);
    std::string sizes_text() const;  // "1x20/2x12/8x1": 20 executions of one sample, one of 5 to 8; empty: none
    void reset();
};

// What a request executes. `model` and `name` are set before the first request is submitted.
struct Target {
    std::string name;  // for statistics and messages
    std::shared_ptr<Model> model;
    BatchPolicy policy;
    double tolerance = 0;  // of its results, relative to the largest, where it is more than rounding
    ModelStats stats;
    std::atomic<bool> runaway{false};    // an execution did not return in time: never executed again
    std::atomic<std::int64_t> joint{1};  // samples up to which requests are joined without a batch_size

    // Kept by the queue, under its lock.
    Trials trials;
    double due = 0;            // virtual time from which this model may be served again; see schedule.hpp
    double ns_per_sample = 0;  // measured, for charging before the time is known
};

class Request {
   public:
    using Call = std::function<Result<std::vector<TensorView>>(const std::vector<TensorView>& inputs)>;
    std::shared_ptr<Target> target;
    std::vector<std::shared_ptr<const TensorView>> inputs;  // released by whoever made the request
    // Executed instead of the target's model, and never joined with others: a function of a script. Owns what it uses.
    Call call;
    std::size_t output_count = 0;  // how many outputs the caller has named
    std::function<void()> done;    // called once, on a thread of the queue, when the request is answered

    // Valid once `done` was called: outputs, or why there are none.
    std::vector<std::shared_ptr<const TensorView>> outputs;
    std::string error;

   private:
    friend class DeviceQueue;
    friend class Schedule;
    enum class State : std::uint8_t { waiting, running, cancelled };
    std::atomic<State> state_{State::waiting};
    std::string group_;  // requests with the same one can be joined; empty: with none
    std::int64_t samples_ = 1;
    std::size_t bytes_ = 0;
    std::int64_t arrival_ns_ = 0;
};
using RequestRef = std::shared_ptr<Request>;
using Batch = std::vector<RequestRef>;

// First extent that all inputs share, by which requests are joined; 0 when they cannot be.
std::int64_t joint_extent(const std::vector<std::shared_ptr<const TensorView>>& inputs);

}  // namespace inferstep
