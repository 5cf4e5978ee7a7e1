#include "inferdb/queue.hpp"

#include "core/clock.hpp"
#include "inferdb/thread.hpp"

namespace inferstep {

DeviceQueue::DeviceQueue(Options options) : options_(std::move(options)), schedule_(options_.max_batch) {
    const Lock lock(mutex_);
    for (int i = 0; i < options_.workers; ++i) {
        add_worker({});
    }
    if (options_.max_run_ms > 0) {
        watcher_ = start_thread("watch:" + options_.name, [this] { watch(); });
    }
}

DeviceQueue::~DeviceQueue() { stop(); }

void DeviceQueue::stop() {
    {
        const Lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    finished_.notify_all();
    over_.notify_all();
    if (watcher_.joinable()) {
        watcher_.join();
    }
    for (Worker& worker : workers_) {  // nobody adds one any more
        if (worker.thread.joinable()) {
            worker.thread.join();
        }
    }
}

std::size_t DeviceQueue::waiting() const {
    const Lock lock(mutex_);
    return waiting_;
}

std::size_t DeviceQueue::running() const {
    const Lock lock(mutex_);
    return running_;
}

std::size_t DeviceQueue::lost() const {
    const Lock lock(mutex_);
    return lost_;
}

Status DeviceQueue::admit(Request& request, bool always) {
    const Lock lock(mutex_);
    if (request.target->runaway) {
        return Error{runaway_text(*request.target), {}};
    }
    if (alive() == 0) {
        return Error{lost_text(), {}};
    }
    if (waiting_ >= options_.capacity && !always) {
        return inferstep::fail("BUSY the queue of device {} is full: {} requests wait", options_.name, waiting_);
    }
    ++waiting_;
    request.arrival_ns_ = now_ns();
    return Status::ok();
}

void DeviceQueue::submit(const RequestRef& request) {
    std::string refused;
    {
        const Lock lock(mutex_);
        if (request->state_ == Request::State::cancelled) {
            return;  // its inputs may be gone already
        }
        if (!request->target->runaway && alive() != 0) {
            schedule_.add(request);
        } else {
            refused = request->target->runaway ? runaway_text(*request->target) : lost_text();
        }
    }
    if (refused.empty()) {
        changed_.notify_one();
    } else {
        fail(request, std::move(refused));
    }
}

void DeviceQueue::fail(const RequestRef& request, std::string error) {
    {
        const Lock lock(mutex_);
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
    const Lock lock(mutex_);
    if (request.state_ != Request::State::waiting) {
        return false;
    }
    request.state_ = Request::State::cancelled;
    --waiting_;
    schedule_.remove(request);
    return true;
}

Status DeviceQueue::on_every_worker(const std::function<Status()>& task) {
    struct Progress {
        Status result = Status::ok();
        std::size_t left;
    };
    Lock lock(mutex_);
    if (alive() == 0) {
        return Error{lost_text(), {}};
    }
    // Shared: when the queue is stopped, this function returns before a task that is under way.
    const auto progress = std::make_shared<Progress>(Progress{Status::ok(), alive()});
    const auto finish = [this, progress](const Status& status) {
        const Lock inner(mutex_);
        progress->result = progress->result ? status : progress->result;
        --progress->left;
        finished_.notify_all();
    };
    const auto give_up = [finish, this] {
        finish(inferstep::fail("TIMEOUT the execution did not return within {:g} s",
                               static_cast<double>(options_.max_run_ms) / 1e3));
    };
    for (Worker& worker : workers_) {
        if (!worker.lost) {
            worker.tasks.push_back({task, finish, give_up});
        }
    }
    changed_.notify_all();
    finished_.wait(lock, [&] { return progress->left == 0 || stopping_; });
    return progress->left == 0 ? progress->result : inferstep::fail("the database is shutting down");
}

}  // namespace inferstep
