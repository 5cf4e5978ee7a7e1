// What becomes of executions that do not return: their clients are answered and their worker is replaced.
#include <pthread.h>
#include <sched.h>

#include <algorithm>

#include "core/clock.hpp"
#include "inferdb/queue.hpp"

namespace inferstep {

std::size_t DeviceQueue::alive() const {
    return static_cast<std::size_t>(
        std::count_if(workers_.begin(), workers_.end(), [](const Worker& worker) { return !worker.lost; }));
}

std::string DeviceQueue::runaway_text(const Target& target) const {
    return fmt::format("TIMEOUT {} {} did not return within {:g} s and is not executed until it is stored again",
                       target.model ? "model" : "script", target.name, static_cast<double>(options_.max_run_ms) / 1e3);
}

std::string DeviceQueue::lost_text() const {
    return fmt::format("BUSY device {} has lost all its workers, {} in all, to models that do not return",
                       options_.name, lost_);
}

void DeviceQueue::watch() {
    const std::int64_t limit = options_.max_run_ms * 1'000'000;
    Lock lock(mutex_);
    while (!stopping_) {
        const std::int64_t now = now_ns();
        std::int64_t next = now + limit;  // what begins from now on is not late before
        Answers answers;
        std::vector<Worker*> late;
        for (Worker& worker : workers_) {
            if (worker.since_ns != 0 && !worker.lost) {
                now - worker.since_ns >= limit ? late.push_back(&worker)
                                               : static_cast<void>(next = std::min(next, worker.since_ns + limit));
            }
        }
        for (Worker* worker : late) {
            write_off(*worker, answers);
        }
        reap();
        if (!answers.requests.empty() || !answers.calls.empty()) {
            lock.unlock();
            give(answers);
            lock.lock();
            continue;
        }
        over_.wait_until(lock, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(next)));
    }
}

void DeviceQueue::write_off(Worker& worker, Answers& answers) {
    worker.lost = true;
    ++lost_;
    --running_;
    if (worker.give_up) {
        answers.calls.push_back(std::move(worker.give_up));
    } else if (worker.batch.empty()) {
        worker.target->trials.stop();  // it is we who wanted this execution
        worker.target->joint = 1;
    } else {
        worker.target->runaway = true;
        const std::string error = runaway_text(*worker.target);
        Batch waiting = schedule_.remove_all(*worker.target);
        waiting_ -= waiting.size();
        waiting.insert(waiting.end(), worker.batch.begin(), worker.batch.end());
        take_over(waiting, error, answers);
    }
    worker.give_up = nullptr;
    worker.batch.clear();
    worker.target.reset();  // the requests and the lost thread hold it
    // What its team of OpenMP threads does waits for this one, and so becomes as slow.
    sched_param lowest{};
    pthread_setschedparam(worker.thread.native_handle(), SCHED_IDLE, &lowest);
    if (lost_ <= kMaxLost) {
        add_worker(std::move(worker.tasks));
        return;
    }
    for (Task& task : worker.tasks) {
        answers.calls.push_back(std::move(task.give_up));
    }
    worker.tasks.clear();
    if (alive() == 0) {
        const Batch waiting = schedule_.remove_all();
        waiting_ -= waiting.size();
        take_over(waiting, lost_text(), answers);
    }
}

void DeviceQueue::take_over(const Batch& requests, const std::string& error, Answers& answers) {
    for (const RequestRef& request : requests) {
        request->state_ = Request::State::running;
        answers.requests.emplace_back(request, error);
    }
}

void DeviceQueue::give(Answers& answers) {
    for (auto& [request, error] : answers.requests) {
        request->error = std::move(error);
        ++request->target->stats.calls;
        ++request->target->stats.errors;
        request->done();
    }
    for (const auto& call : answers.calls) {
        call();
    }
}

// Lost workers that have returned.
void DeviceQueue::reap() {
    for (auto worker = workers_.begin(); worker != workers_.end();) {
        if (worker->ended && worker->lost) {
            worker->thread.join();
            worker = workers_.erase(worker);
        } else {
            ++worker;
        }
    }
}

}  // namespace inferstep
