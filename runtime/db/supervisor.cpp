// The supervisor from "ready" to the end, and when it does not come that far.
#include "db/supervisor.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdio>

#include "core/log.hpp"
#include "core/process.hpp"
#include "db/statistics.hpp"

namespace inferstep {
namespace {

constexpr std::size_t kTailAtStart = 20;  // lines of a log that are shown when a database does not start …
constexpr std::size_t kTailLater = 5;     // … and when it ends while the tasks run
constexpr int kHealthCheckMs = 1000;
constexpr int kLastWordsMs = 1000;
constexpr int kStatisticsMs = 300;
constexpr int kScancelMs = 3000;  // the step may end meanwhile, and slurmstepd waits for us only so long

void show_tail(const Instance& instance, std::size_t lines) {
    for (const std::string& line : instance.log_tail(lines)) {
        std::fprintf(stderr, "inferstep: %s: | %s\n", instance.name().c_str(), printable(line).c_str());
    }
}

}  // namespace

int Supervisor::run() {
    if (Status s = start(); !s) {
        return give_up(s.error());
    }
    watch();
    finish();
    return lost_one_ ? 1 : 0;
}

int Supervisor::give_up(const Error& error) {
    const bool late = seconds_since(start_ns_) >= options_.timeout_s;
    for (const Instance& instance : instances_) {
        if (!instance.running() || late) {
            show_tail(instance, kTailAtStart);
        }
    }
    stop_all(instances_, password_, false);
    record_.state = "failed";
    record_.message = error.message;
    if (standard_) {
        standard_->retire();
    }
    if (directory_) {
        write_records();
        directory_->remove();
    }
    if (page_ || !options_.dry_run) {
        tell_failure(page_ ? &**page_ : nullptr, error);
    }
    if (options_.standard && !options_.dry_run && !events_.stopped()) {
        end_tasks();  // the others would wait for us in vain
    }
    return options_.dry_run ? 0 : 1;
}

void Supervisor::watch() {
    while (!events_.stopped() && (page_ || !lost_one_)) {
        std::vector<int> fds;
        for (const Instance& instance : instances_) {
            fds.push_back(instance.pidfd());
        }
        const std::vector<int> ready = events_.wait(fds, standard_ ? kHealthCheckMs : -1);
        for (Instance& instance : instances_) {
            if (!events_.stopped() && std::find(ready.begin(), ready.end(), instance.pidfd()) != ready.end()) {
                report(instance);
            }
        }
        if (standard_ && ready.empty() && !events_.stopped()) {
            check_cluster();
        }
    }
}

// A database ended before its step did.
void Supervisor::report(Instance& instance) {
    instance.reap();
    std::string text =
        fmt::format("{} of node {} ended early: {}", standard_ ? standard_->describe(instance) : instance.name(),
                    record_.id.node, describe_exit(instance.ended()->wait_status));
    if (oom_kills() > oom_kills_) {
        text += fmt::format("; the kernel killed for memory in this step, which may use {} MiB",
                            record_.memory_limit >> 20U);
    }
    lose(text);
    show_tail(instance, kTailLater);
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
        end_tasks();
    }
}

// The step has lost a database: its tasks fail with it. What they say of it themselves is worth a moment. They are
// signalled by what was opened at the start, so that no stranger can be hit.
void Supervisor::end_tasks() {
    const client::Deadline patience = in_ms(kLastWordsMs);
    for (const UniqueFd& task : tasks_) {
        if (!task) {
            continue;
        }
        pollfd ended{task.get(), POLLIN, 0};
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(patience - std::chrono::steady_clock::now());
        poll(&ended, 1, static_cast<int>(std::max<long>(left.count(), 0)));
    }
    for (const UniqueFd& task : tasks_) {
        if (task) {
            syscall(SYS_pidfd_send_signal, task.get(), SIGTERM, nullptr, 0);
        }
    }
    // Those of other nodes would wait for ours, or compute in vain: Slurm alone can reach them.
    if (record_.id.slurm && record_.id.nodes > 1) {
        const std::string step = fmt::format("{}.{}", record_.id.job, record_.id.step);
        const Result<Captured> told = run_capture({"scancel", "--signal=TERM", step}, kScancelMs);
        if (!told || told->exit_code != 0) {
            print_warning(fmt::format("the tasks of other nodes go on: scancel --signal=TERM {} failed: {}", step,
                                      told ? told->err : told.error().message));
        }
    }
}

// Ask every database what it counted.
void Supervisor::count() {
    for (Instance& instance : instances_) {
        if (!instance.running()) {
            continue;
        }
        const client::Deadline deadline = in_ms(kStatisticsMs);
        Result<client::Connection> connection = log_in(instance.socket(), password_, deadline);
        Result<Json> counted =
            connection ? collect_statistics(*connection, deadline) : Result<Json>(connection.error());
        if (counted) {
            instance.statistics = std::move(*counted);
        } else {
            record_.events.push_back(
                fmt::format("{} gave no statistics: {}", instance.name(), counted.error().message));
        }
    }
}

void Supervisor::finish() {
    record_.state = "ended";
    phase("stopping");
    if (standard_) {
        standard_->retire();
    }
    count();
    stop_all(instances_, password_, true);
    phase("stopped");
    write_records();
    directory_->remove();
    if (page_) {
        page_advance(**page_, PageState::ready, PageState::ended);
    }
}

// Records that cannot be written are one warning, never the failure of a step.
void Supervisor::write_records() {
    const std::string directory = record_directory(options_, record_.id, directory_->path());
    if (directory.empty()) {
        return;
    }
    if (Status s = write_node_record(directory, record_, options_, instances_); !s) {
        print_warning(fmt::format("the records of node {} are not complete: {}", record_.id.node, s.error().message));
    }
}

}  // namespace inferstep
