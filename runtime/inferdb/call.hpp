// What a client waits for: executions of models and scripts, one or a graph of them, whose tensors pass between them
// without being stored. What is to be stored is stored on the main thread, when everything has been executed.
//
// Tensors have places, numbered from 0. A step begins as soon as all places that it reads are filled, on the queue of
// its device; steps that need nothing of one another run at the same time.
//  - The first error ends a call: nothing further begins, and nothing is stored.
//  - So does its client's going away, or its time being over; what is being executed then is waited for.
// A call is made, answered and released on the main thread; in between, workers tell it which steps have ended.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "inferdb/api.hpp"
#include "inferdb/executable.hpp"
#include "inferdb/tensor.hpp"

namespace inferstep {

struct Step {
    enum class State : std::uint8_t { pending, open, ended, dropped };
    std::shared_ptr<Executable> target;
    std::vector<std::size_t> inputs;   // places, filled by steps before this one or from the beginning
    std::vector<std::size_t> outputs;  // places that nothing else fills
    RequestRef request = std::make_shared<Request>();
    DeviceQueue* queue = nullptr;
    State state = State::pending;  // open: in the queue or being executed; dropped: out of the queue again

    const std::string& error() const { return request->error; }
};

class Call {
   public:
    // Filled in by the command before begin().
    std::vector<TensorRef> places;  // null: a step will fill it
    std::vector<Step> steps;
    struct Output {
        std::string key;
        std::size_t place;
    };
    std::vector<Output> stored;   // in this order, at the end
    std::int64_t timeout_ms = 0;  // 0: none
    // Answers the client when all has ended: `stored` says whether everything was executed and stored. The last use of
    // the call.
    std::function<int(redis::Context*, const Call&, const Status& stored)> answer;

    std::size_t add_place(TensorRef tensor = nullptr);
    // Let the client wait; a call without steps is answered at once. So is an error, and nothing has begun then: there
    // is no call, a queue is full, a model has not returned.
    static int begin(redis::Context* context, Result<std::unique_ptr<Call>> made);

   private:
    struct Submission {  // what is handed to a queue: nothing of the call, which may be gone by then
        RequestRef request;
        DeviceQueue* queue;
        std::shared_ptr<Executable> unready;  // to be loaded first
    };
    bool is_due(const Step& step) const;
    Result<std::vector<Submission>> begin_due(bool always);
    static void submit(const std::vector<Submission>& submissions);
    void on_done(Step& step);
    std::size_t stop();
    bool has_ended();
    Status outcome() const;
    Status store(redis::Context* context) const;

    static int on_reply(redis::Context* context, redis::String** argv, int argc);
    static void on_release(redis::Context* context, void* data);
    static void on_disconnect(redis::Context* context, redis::Blocked* client);
    static void on_timeout(redis::Context* context, void* data);

    redis::Blocked* client_ = nullptr;
    std::optional<redis::TimerId> timer_;
    bool timed_out_ = false;

    std::mutex mutex_;  // of the rest, of the places, and of the states of the steps
    std::size_t open_ = 0;
    bool stopped_ = false;
    std::string failure_;  // that a step could not begin
    bool ended_ = false;   // the client has been told to go on
};

}  // namespace inferstep
