// The supervisor from "ready" to the end, and when it does not come that far.
#include "db/supervisor.hpp"

#include <cstdio>

#include "core/log.hpp"
#include "db/statistics.hpp"

namespace inferstep {
namespace {

constexpr int kHealthCheckMs = 1000;
constexpr int kStatisticsMs = 300;

}  // namespace

void show_tail(const Instance& instance, std::size_t lines) {
    for (const std::string& line : instance.log_tail(lines)) {
        std::fprintf(stderr, "inferstep: %s: | %s\n", instance.name().c_str(), printable(line).c_str());
    }
}

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
    if (net_) {
        net_->retire();
    }
    if (directory_) {
        write_records();
        directory_->remove();
    }
    if (page_ || !options_.dry_run) {
        tell_failure(page_ ? &**page_ : nullptr, error);
    }
    if (options_.standard && !options_.dry_run && !events_.stopped()) {
        tasks_.end(record_.id);  // the others would wait for us in vain
    }
    return options_.dry_run ? 0 : 1;
}

void Supervisor::watch() {
    while (!events_.stopped() && (page_ || !lost_one_)) {
        std::vector<int> fds = {guard_.get()};
        for (const Instance& instance : instances_) {
            fds.push_back(instance.pidfd());
        }
        const std::vector<int> ready = events_.wait(fds, standard_ ? kHealthCheckMs : -1);
        if (!events_.stopped()) {
            look_at(ready);
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

// Whom the kernel killed beside the databases: Slurm says that, but not what the databases had of the memory.
void Supervisor::note_oom_kills() {
    if (const std::uint64_t kills = oom_kills(); kills > oom_kills_) {
        const std::string text = fmt::format(
            "node {}: the kernel killed for memory in this step, which may use {} MiB; its databases may take {} MiB "
            "of "
            "that, see --infer-db-memory",
            record_.id.node, record_.memory_limit >> 20U, (record_.max_memory * instances_.size()) >> 20U);
        record_.events.push_back(text);
        print_warning(text);
    }
}

void Supervisor::finish() {
    record_.state = "ended";
    phase("stopping");
    if (standard_) {
        standard_->retire();
    }
    if (net_) {
        net_->retire();
    }
    count();
    stop_all(instances_, password_, true);
    phase("stopped");
    note_oom_kills();
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
        print_warning(incomplete_record(record_.id, s.error()));
    }
}

}  // namespace inferstep
