#include "inferdb/queue.hpp"

#include <algorithm>
#include <limits>

#include "core/clock.hpp"
#include "inferdb/thread.hpp"

namespace inferstep {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// What requests must agree in to be joined: the model, and of each input the type and all extents but the first.
std::string group_of(const Request& request) {
    if (request.call || request.target->policy.batch_size == 0 || joint_extent(request.inputs) == 0) {
        return {};
    }
    std::string key;
    const auto add = [&key](std::int64_t number) { key.append(reinterpret_cast<const char*>(&number), sizeof number); };
    add(static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(request.target.get())));
    for (const auto& input : request.inputs) {
        add(static_cast<std::int64_t>(input->dtype));
        add(static_cast<std::int64_t>(input->shape.size()));
        std::for_each(input->shape.begin() + 1, input->shape.end(), add);
    }
    return key;
}

}  // namespace

void ModelStats::reset() {
    for (std::atomic<std::uint64_t>* counter :
         {&calls, &errors, &samples, &batches, &queue, &input, &inference, &output}) {
        *counter = 0;
    }
}

DeviceQueue::DeviceQueue(Options options)
    : options_(std::move(options)), tasks_(static_cast<std::size_t>(options_.workers)) {
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
        workers_.push_back(start_thread(fmt::format("run{}:{}", i, options_.name), [this, i] { work(i); }));
    }
}

DeviceQueue::~DeviceQueue() { stop(); }

void DeviceQueue::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    finished_.notify_all();
    for (std::thread& worker : workers_) {
        if (worker.joinable()) {
            worker.join();
        }
    }
}

std::size_t DeviceQueue::waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_;
}

std::size_t DeviceQueue::running() const {
    const std::lock_guard lock(mutex_);
    return running_;
}

bool DeviceQueue::admit(Request& request) {
    const std::lock_guard lock(mutex_);
    if (waiting_ >= options_.capacity) {
        return false;
    }
    ++waiting_;
    request.arrival_ns_ = now_ns();
    return true;
}

void DeviceQueue::submit(const RequestRef& request) {
    {
        const std::lock_guard lock(mutex_);
        if (request->state_ == Request::State::cancelled) {
            return;  // its inputs may be gone already
        }
        request->group_ = group_of(*request);
        request->samples_ = std::max<std::int64_t>(1, joint_extent(request->inputs));
        const auto found = joinable_.find(request->group_);
        const auto group = found != joinable_.end() ? found->second : groups_.emplace(groups_.end());
        if (found == joinable_.end() && !request->group_.empty()) {
            joinable_.emplace(request->group_, group);
        }
        group->members.push_back(request);
        group->samples += request->samples_;
    }
    changed_.notify_one();
}

void DeviceQueue::fail(const RequestRef& request, std::string error) {
    {
        const std::lock_guard lock(mutex_);
        if (request->state_ == Request::State::cancelled) {
            return;
        }
        request->state_ = Request::State::running;
        --waiting_;
    }
    request->error = std::move(error);
    ++request->target->stats.calls;
    ++request->target->stats.errors;
    request->done();
}

bool DeviceQueue::cancel(Request& request) {
    const std::lock_guard lock(mutex_);
    if (request.state_ != Request::State::waiting) {
        return false;
    }
    request.state_ = Request::State::cancelled;
    --waiting_;
    const auto is_it = [&](const RequestRef& member) { return member.get() == &request; };
    for (auto group = groups_.begin(); group != groups_.end(); ++group) {
        const auto member = std::find_if(group->members.begin(), group->members.end(), is_it);
        if (member != group->members.end()) {
            group->samples -= request.samples_;
            group->members.erase(member);
            if (group->members.empty()) {
                joinable_.erase(request.group_);
                groups_.erase(group);
            }
            break;
        }
    }
    return true;
}

// Whether the oldest of the group may be executed now; if not, `wake` becomes no later than when it may.
bool DeviceQueue::due(const Group& group, std::int64_t now, std::int64_t& wake) const {
    const Request& oldest = *group.members.front();
    const BatchPolicy& policy = oldest.target->policy;
    if (policy.batch_size == 0 || oldest.group_.empty() || group.samples >= policy.min_batch_size) {
        return true;
    }
    if (policy.min_batch_timeout_ms == 0) {
        return false;
    }
    const std::int64_t deadline = oldest.arrival_ns_ + policy.min_batch_timeout_ms * 1'000'000;
    wake = std::min(wake, deadline);
    return now >= deadline;
}

Batch DeviceQueue::take(std::int64_t now, std::int64_t& wake) {
    wake = kNever;
    for (auto group = groups_.begin(); group != groups_.end(); ++group) {
        if (due(*group, now, wake)) {
            return take_from(group);
        }
    }
    return {};
}

Batch DeviceQueue::take_from(Groups::iterator group) {
    Batch batch;
    std::int64_t samples = 0;
    const std::int64_t limit = group->members.front()->target->policy.batch_size;
    while (!group->members.empty() && (batch.empty() || samples + group->members.front()->samples_ <= limit)) {
        RequestRef& next = group->members.front();
        next->state_ = Request::State::running;
        samples += next->samples_;
        batch.push_back(std::move(next));
        group->members.pop_front();
    }
    waiting_ -= batch.size();
    group->samples -= samples;
    if (group->members.empty()) {
        joinable_.erase(batch.front()->group_);
        groups_.erase(group);
        return batch;
    }
    // The group is younger now than some that came after it.
    const std::int64_t arrival = group->members.front()->arrival_ns_;
    const auto behind = std::find_if(std::next(group), groups_.end(),
                                     [&](const Group& other) { return other.members.front()->arrival_ns_ > arrival; });
    groups_.splice(behind, groups_, group);
    return batch;
}

void DeviceQueue::execute(Batch& batch) {
    const std::int64_t start = now_ns();
    ModelStats& stats = batch.front()->target->stats;
    for (const RequestRef& request : batch) {
        stats.queue += static_cast<std::uint64_t>((start - request->arrival_ns_) / 1000);
    }
    run_batch(batch, options_.allocate);
    stats.calls += batch.size();
    for (const RequestRef& request : batch) {
        request->done();
    }
    batch.clear();
}

void DeviceQueue::work(std::size_t worker) {
    options_.prepare();
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (!tasks_[worker].empty()) {
            const std::function<void()> task = std::move(tasks_[worker].front());
            tasks_[worker].pop_front();
            lock.unlock();
            task();
            lock.lock();
            continue;
        }
        std::int64_t wake = kNever;
        Batch batch = take(now_ns(), wake);
        if (!batch.empty()) {
            ++running_;
            lock.unlock();
            execute(batch);
            lock.lock();
            --running_;
        } else if (wake == kNever) {
            changed_.wait(lock);
        } else {
            changed_.wait_until(lock, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(wake)));
        }
    }
}

Status DeviceQueue::on_every_worker(const std::function<Status()>& task) {
    struct Progress {
        Status result = Status::ok();
        std::size_t left;
    };
    // Shared: when the queue is stopped, this function returns before a task that is under way.
    const auto progress = std::make_shared<Progress>(Progress{Status::ok(), tasks_.size()});
    std::unique_lock lock(mutex_);
    for (auto& queue : tasks_) {
        queue.emplace_back([this, progress, task] {
            const Status status = task();
            const std::lock_guard inner(mutex_);
            progress->result = progress->result ? status : progress->result;
            --progress->left;
            finished_.notify_all();
        });
    }
    changed_.notify_all();
    finished_.wait(lock, [&] { return progress->left == 0 || stopping_; });
    return progress->left == 0 ? progress->result : inferstep::fail("the database is shutting down");
}

}  // namespace inferstep
