// The supervisor when a database ends before its step does.
#include <algorithm>

#include "core/log.hpp"
#include "core/process.hpp"
#include "db/startup.hpp"
#include "db/supervisor.hpp"

namespace inferstep {
namespace {

constexpr std::size_t kTail = 5;  // lines of its log
constexpr int kMostRestarts = 3;  // of all databases of a node: what dies again and again is no accident

}  // namespace

void Supervisor::look_at(const std::vector<int>& ready) {
    const auto contains = [&ready](int fd) { return std::find(ready.begin(), ready.end(), fd) != ready.end(); };
    if (guard_ && contains(guard_.get())) {
        guard_.reset();
        lose(fmt::format("the guard of the supervisor of node {} was killed", record_.id.node));
    }
    for (Instance& instance : instances_) {
        if (!events_.stopped() && contains(instance.pidfd())) {
            report(instance);
        }
    }
    if (standard_ && ready.empty()) {
        check_cluster();
    }
}

// A database ended before its step did.
void Supervisor::report(Instance& instance) {
    instance.reap();
    std::string text =
        fmt::format("{} of node {} ended early: {}", standard_ ? standard_->describe(instance) : instance.name(),
                    record_.id.node, describe_exit(instance.ended()->wait_status));
    if (const std::uint64_t kills = oom_kills(); kills > oom_kills_) {
        oom_kills_ = kills;
        text += fmt::format("; the kernel killed for memory in this step, which may use {} MiB",
                            record_.memory_limit >> 20U);
    }
    if (may_start_again()) {
        text += fmt::format("; it is started again ({} of {}), without the tensors that it had", restarts_ + 1,
                            kMostRestarts);
        record_.events.push_back(text);
        print_warning(text);
        start_again(instance);
        return;
    }
    if (options_.on_failure == DbFailure::restart && !lost_one_) {
        text += fmt::format("; it is not started again: that was done {} times in this step", restarts_);
    }
    lose(text);
    show_tail(instance, kTail);
}

bool Supervisor::may_start_again() const {
    return options_.on_failure == DbFailure::restart && !lost_one_ && restarts_ < kMostRestarts;
}

// In its old place, with its models and scripts. Clients find it there once it is ready. One that dies before that is
// lost for good.
void Supervisor::start_again(Instance& instance) {
    ++restarts_;
    const std::int64_t begin = now_ns();
    Status status = instance.start_again(*directory_);
    if (status) {
        status = make_all_ready({&instance, 1}, password_, options_, Load::models_and_scripts, begin, events_);
    }
    if (status) {
        status = instance.open_door(password_);
    }
    if (events_.stopped()) {
        return;  // the step is over: how far it came is nobody's concern
    }
    if (!status) {
        lose(fmt::format("{} of node {} was not ready again: {}", instance.name(), record_.id.node,
                         status.error().message));
        show_tail(instance, kTailAtStart);
        return;
    }
    record_.events.push_back(fmt::format("{} was ready again after {:.3f} s", instance.name(), seconds_since(begin)));
    print_note(record_.events.back());
}

void Supervisor::check_cluster() {
    if (Status s = standard_->check(instances_[0], password_); !s) {
        lose(s.error().message);
    }
}

// The step is without one of its databases.
void Supervisor::lose(const std::string& what) {
    record_.events.push_back(what);
    print_error({what, {}});
    if (!lost_one_) {
        lost_one_ = true;
        tasks_.end(record_.id);
    }
}

}  // namespace inferstep
