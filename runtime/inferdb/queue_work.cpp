// What a worker of a queue does: takes what is due, executes it without the lock, and answers.
#include <algorithm>
#include <limits>

#include "core/clock.hpp"
#include "inferdb/queue.hpp"
#include "inferdb/thread.hpp"

namespace inferstep {

void DeviceQueue::add_worker(std::deque<Task> tasks) {
    Worker& worker = workers_.emplace_back();
    worker.tasks = std::move(tasks);
    worker.thread =
        start_thread(fmt::format("run{}:{}", workers_.size() - 1, options_.name), [this, &worker] { work(worker); });
}

void DeviceQueue::work(Worker& self) {
    options_.prepare();
    Lock lock(mutex_);
    while (!stopping_ && !self.lost) {
        if (!self.tasks.empty()) {
            run_task(self, lock);
            continue;
        }
        Schedule::Taken taken = schedule_.take(now_ns(), idle_ + 1);
        if (!taken.batch.empty()) {
            waiting_ -= taken.batch.size();
            for (const RequestRef& request : taken.batch) {
                request->state_ = Request::State::running;
            }
            taken.trial ? serve_trial(self, std::move(taken), lock) : serve(self, std::move(taken), lock);
            continue;
        }
        ++idle_;
        if (taken.wake == std::numeric_limits<std::int64_t>::max()) {
            changed_.wait(lock);
        } else {
            changed_.wait_until(lock, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(taken.wake)));
        }
        --idle_;
    }
    if (self.lost) {
        --lost_;
        if (!stopping_ && alive() < static_cast<std::size_t>(options_.workers)) {
            add_worker({});  // it could not be replaced when it was lost
        }
    }
    self.ended = true;
}

// The execution is over. False: it was written off meanwhile, and others have answered.
bool DeviceQueue::end(Worker& self) {
    if (self.lost) {
        return false;
    }
    self.since_ns = 0;
    self.target.reset();
    --running_;
    return true;
}

void DeviceQueue::let_go(std::shared_ptr<Target> target, std::vector<Part> parts) const {
    using Remains = std::pair<std::shared_ptr<Target>, std::vector<Part>>;
    auto remains = std::make_shared<Remains>(std::move(target), std::move(parts));
    if (options_.discard) {
        options_.discard(std::move(remains));
    }
}

// Unless `keep`, the requests alone hold model and tensors from here on.
void DeviceQueue::answer(Batch requests, std::vector<Part>& parts, bool keep) {
    requests.front()->target->stats.calls += requests.size();
    for (std::size_t i = 0; i < requests.size(); ++i) {
        requests[i]->outputs = parts[i].outputs;
        requests[i]->error = parts[i].error;
    }
    if (!keep) {
        parts.clear();
    }
    for (const RequestRef& request : requests) {
        request->done();
    }
}

// Execute the first parts.size() requests of the batch and answer them. False: it was written off with the whole batch.
bool DeviceQueue::run(Worker& self, Batch batch, double charged, std::vector<Part>& parts, bool keep, Lock& lock) {
    std::shared_ptr<Target> target = batch.front()->target;
    const std::int64_t start = now_ns();
    std::int64_t samples = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        target->stats.queue.add(static_cast<std::uint64_t>(start - batch[i]->arrival_ns_));
        samples += parts[i].samples;
    }
    self.since_ns = start;
    self.target = target;
    self.batch = batch;
    ++running_;
    lock.unlock();
    execute(*target, parts, options_.allocate);
    lock.lock();
    const bool ours = end(self);
    if (ours) {
        self.batch.clear();
        schedule_.charge(*target, samples, charged, now_ns() - start);
    }
    lock.unlock();
    if (ours) {
        target.reset();
        batch.resize(parts.size());
        answer(std::move(batch), parts, keep);
    } else {
        let_go(std::move(target), std::move(parts));
    }
    lock.lock();
    return ours;
}

void DeviceQueue::serve(Worker& self, Schedule::Taken taken, Lock& lock) {
    std::vector<Part> parts(taken.batch.size());
    std::transform(taken.batch.begin(), taken.batch.end(), parts.begin(), [](const RequestRef& r) { return Part(*r); });
    run(self, std::move(taken.batch), taken.charged, parts, false, lock);
}

// Each request alone, whose client is answered; then all together, which nobody waits for.
void DeviceQueue::serve_trial(Worker& self, Schedule::Taken taken, Lock& lock) {
    std::shared_ptr<Target> target = taken.batch.front()->target;
    std::vector<Part> parts;
    for (auto next = taken.batch.begin(); next != taken.batch.end(); ++next) {
        std::vector<Part> one = {Part(**next)};
        const double charged = next == taken.batch.begin() ? taken.charged : 0;
        if (!run(self, Batch(next, taken.batch.end()), charged, one, true, lock)) {
            lock.unlock();
            let_go(std::move(target), std::move(parts));
            lock.lock();
            return;
        }
        parts.push_back(std::move(one.front()));
    }
    self.since_ns = now_ns();
    self.target = target;
    ++running_;
    const std::int64_t start = self.since_ns;
    lock.unlock();
    taken.batch.clear();
    std::int64_t samples = 1;
    const bool good = std::all_of(parts.begin(), parts.end(), [](const Part& part) { return part.error.empty(); });
    const Verdict verdict = good
                                ? try_together(*target, parts, std::max(options_.tolerance, target->tolerance), samples)
                                : Verdict::unclear;
    lock.lock();
    if (end(self)) {
        target->trials.record(taken.signature, samples, verdict);
        schedule_.charge(*target, samples, 0, now_ns() - start);
        target->joint = std::min(target->trials.largest(), options_.max_batch);
        ++target->stats.trials;
    }
    lock.unlock();
    let_go(std::move(target), std::move(parts));
    lock.lock();
}

void DeviceQueue::run_task(Worker& self, Lock& lock) {
    const Task task = std::move(self.tasks.front());
    self.tasks.pop_front();
    self.since_ns = now_ns();
    self.give_up = task.give_up;
    ++running_;
    lock.unlock();
    const Status status = task.run();
    lock.lock();
    const bool ours = end(self);
    self.give_up = nullptr;
    lock.unlock();
    if (ours) {
        task.finish(status);
    }
    lock.lock();
}

}  // namespace inferstep
