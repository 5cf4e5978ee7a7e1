// The queue of one device: requests wait here until a worker thread executes them, several of one model together where
// the model allows it; schedule.hpp says in which order, trial.hpp which may be joined. Knows nothing of Redis, so that
// it can be tested alone.
//
// An execution that takes longer than `max_run_ms` is written off: its clients and all that wait for its model get an
// error, its model is never executed again, and another thread takes the worker's place. The lost thread goes on at the
// lowest priority; should it ever return, what it brings is thrown away and it ends.
// Thread-safe, but for what is said to belong to whoever made the request.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/result.hpp"
#include "inferdb/batch.hpp"
#include "inferdb/request.hpp"
#include "inferdb/schedule.hpp"

namespace inferstep {

class DeviceQueue {
   public:
    using Allocate = inferstep::Allocate;
    struct Options {
        std::string name;  // of the device, for messages and the names of the threads
        int workers = 1;
        std::size_t capacity = 1024;    // requests that may wait
        std::int64_t max_batch = 1;     // samples that are joined of models that do not say; 1: none
        double tolerance = 0;           // relative, for results of joint executions, where it is more than rounding
        std::int64_t max_run_ms = 0;    // until an execution is written off; 0: never
        std::function<void()> prepare;  // called by each worker before anything else
        Allocate allocate = nullptr;
        // Lets go of models and tensors that an execution has kept longer than its requests; null: at once.
        std::function<void(std::shared_ptr<void>)> discard;
    };
    explicit DeviceQueue(Options options);
    ~DeviceQueue();  // as stop()
    DeviceQueue(const DeviceQueue&) = delete;
    DeviceQueue& operator=(const DeviceQueue&) = delete;

    // Count the request as waiting from now on, before it is submitted. Errors, BUSY: the queue is full, or too many
    // workers are lost; TIMEOUT: the model has not returned. `always`: a full queue
    // does not refuse it, as the next step of something that has begun.
    Status admit(Request& request, bool always = false);
    // An admitted request becomes due. Nothing happens when it has been cancelled.
    void submit(const RequestRef& request);
    // An admitted request cannot be executed after all: it is done, with this error. Nothing when it was cancelled.
    void fail(const RequestRef& request, std::string error);
    // True: the request was still waiting and will not be executed, `done` will not be called.
    bool cancel(Request& request);
    // Run `task` once on each worker and wait for all; the first error. The task must own what it uses: one that takes
    // longer than max_run_ms is an error, and goes on.
    Status on_every_worker(const std::function<Status()>& task);
    // Finish what is being executed and end the workers. What waits is never executed. Waits for lost workers too.
    void stop();

    std::size_t waiting() const;
    std::size_t running() const;
    std::size_t lost() const;  // workers whose execution was written off and has not returned

    static constexpr std::size_t kMaxLost = 8;  // further ones are not replaced

   private:
    using Lock = std::unique_lock<std::mutex>;
    struct Task {
        std::function<Status()> run;
        std::function<void(const Status&)> finish;
        std::function<void()> give_up;
    };
    struct Worker {
        std::thread thread;
        std::deque<Task> tasks;
        std::int64_t since_ns = 0;       // when it began what it executes; 0: nothing
        std::shared_ptr<Target> target;  // of the execution; none: a task
        Batch batch;                     // to be answered
        std::function<void()> give_up;   // the task's
        bool lost = false;
        bool ended = false;
    };
    struct Answers {  // gathered under the lock, given without it
        std::vector<std::pair<RequestRef, std::string>> requests;
        std::vector<std::function<void()>> calls;
    };

    // queue_work.cpp: what a worker does. Called and left with the lock held, but for answer() and let_go().
    void add_worker(std::deque<Task> tasks);
    void work(Worker& self);
    void serve(Worker& self, Schedule::Taken taken, Lock& lock);
    void serve_trial(Worker& self, Schedule::Taken taken, Lock& lock);
    bool run(Worker& self, Batch batch, double charged, std::vector<Part>& parts, bool keep, Lock& lock);
    void run_task(Worker& self, Lock& lock);
    bool end(Worker& self);
    void answer(Batch requests, std::vector<Part>& parts, bool keep);
    void let_go(std::shared_ptr<Target> target, std::vector<Part> parts) const;

    // queue_watch.cpp: what becomes of executions that do not return. With the lock held, but for give().
    void watch();
    void write_off(Worker& worker, Answers& answers);
    void take_over(const Batch& requests, const std::string& error, Answers& answers);
    static void give(Answers& answers);
    void reap();
    std::size_t alive() const;
    std::string runaway_text(const Target& target) const;
    std::string lost_text() const;

    const Options options_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;   // work for the workers
    std::condition_variable finished_;  // a task of on_every_worker
    std::condition_variable over_;      // for the watcher: the queue stops
    Schedule schedule_;
    std::size_t waiting_ = 0;
    std::size_t running_ = 0;
    std::size_t idle_ = 0;
    std::size_t lost_ = 0;
    bool stopping_ = false;
    std::list<Worker> workers_;
    std::thread watcher_;
};

}  // namespace inferstep
