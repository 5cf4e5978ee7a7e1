// What the queue and the files say of the jobs.
#include <algorithm>

#include "core/log.hpp"
#include "sweep/allocation.hpp"
#include "sweep/point_folder.hpp"
#include "sweep/runner_batch.hpp"

namespace inferstep::sweep {
namespace {

constexpr int kSlowestAskMs = 15'000;  // between two questions to the controller, when nothing happens
constexpr int kWordMs = 5'000;         // a file of another node may be seen late

}  // namespace

void BatchRunner::note(Entry& entry, const Job& job) {
    if (job.state != entry.state) {
        entry.state = job.state;
        speed_up();
    }
    if (job.reason != entry.reason) {
        entry.reason = job.reason;
        if (job.state == "PENDING" && is_in_vain(job.reason)) {
            print_warning(
                fmt::format("{}: job {} does not begin ({}) until it, or its partition, is changed; scancel {} "
                            "gives the point up",
                            entry.id, entry.job, job.reason, entry.job));
        }
    }
    entry.nodes = job.nodes.empty() ? entry.nodes : job.nodes;
    entry.begin = is_running(job.state) ? job.begin : entry.begin;
    if (is_over(job.state) && entry.over_since_ms == 0) {
        entry.over_since_ms = now_ms();
    }
}

void BatchRunner::ask() {
    if (entries_.empty()) {
        return;
    }
    ask_pause_ms_ = std::min(ask_pause_ms_ * 3 / 2, kSlowestAskMs);
    Result<std::map<std::string, Job>> queue = look_at_queue();
    next_ask_ms_ = now_ms() + ask_pause_ms_;
    if (!queue) {
        return;  // the controller may be starting again: the jobs go on without it
    }
    queue_ = std::move(*queue);
    std::vector<std::string> forgotten;
    for (Entry& entry : entries_) {
        const auto job = queue_.find(entry.job);
        job != queue_.end() ? note(entry, job->second) : forgotten.push_back(entry.job);
    }
    if (forgotten.empty()) {
        return;
    }
    const std::map<std::string, Job> jobs = look_at_accounting(forgotten);
    for (Entry& entry : entries_) {
        if (std::find(forgotten.begin(), forgotten.end(), entry.job) == forgotten.end()) {
            continue;
        }
        const auto job = jobs.find(entry.job);
        if (job != jobs.end() && is_over(job->second.state)) {
            note(entry, job->second);
        } else if (entry.over_since_ms == 0) {
            entry.over_since_ms = now_ms();  // whatever accounting still says: the controller has no such job
            entry.state = "UNKNOWN";
        }
    }
}

Finished BatchRunner::by_state(const Entry& entry) const {
    Finished finished;
    finished.id = entry.id;
    finished.ended.state = point_state(entry.state);
    finished.ended.why = entry.state == "UNKNOWN" ? fmt::format("Slurm knows job {} no more", entry.job)
                         : entry.state == "COMPLETED"
                             ? fmt::format("job {} ended, but its script left no word", entry.job)
                             : fmt::format("job {} ended: {}", entry.job, entry.state);
    finished.ended.exit_code = 1;
    finished.ended.end = unix_now();
    finished.ended.begin = entry.begin > 0 ? std::min(entry.begin, finished.ended.end) : finished.ended.end;
    finished.again = is_blameless(entry.state);
    return finished;
}

// Of a script that failed the controller may know more: that the job was cancelled, or its node failed.
bool BatchRunner::waited_for_why(Entry& entry, int limit_ms) {
    if (entry.failed_since_ms == 0) {
        entry.failed_since_ms = now_ms();
        ask_pause_ms_ = kAskMs / 2;
        next_ask_ms_ = now_ms();
    }
    return now_ms() - entry.failed_since_ms >= limit_ms;
}

std::optional<Finished> BatchRunner::outcome(Entry& entry) {
    const std::optional<EndFile> end = read_end(entry.directory);
    const bool told = end && was_told_to_end(end->exit_code);
    if (end && end->exit_code != 0 && !is_over(entry.state) && !waited_for_why(entry, told ? kGraceMs : kWordMs)) {
        return std::nullopt;
    }
    if (!end && (entry.over_since_ms == 0 || now_ms() - entry.over_since_ms < kWordMs)) {
        return std::nullopt;
    }
    Finished finished = by_state(entry);
    if (end) {
        finished.ended.exit_code = end->exit_code;
        finished.ended.begin = end->begin;
        finished.ended.end = end->end;
        if (const std::string node = node_failure(entry.directory); !node.empty()) {
            finished.ended.state = "failed";
            finished.ended.why = fmt::format("job {} ended: {}", entry.job, node);
            finished.again = true;
        } else if (end->exit_code == 0) {
            finished.ended.state = "done";
            finished.ended.why.clear();
            finished.again = false;
        } else if (!is_over(entry.state) || entry.state == "FAILED" || entry.state == "COMPLETED") {
            finished.ended.state = "failed";
            finished.ended.why = why_of(entry.directory, end->exit_code);
            finished.again = told && !is_over(entry.state);  // by somebody, and it is not said by whom
        }
    }
    finished.ended.job = entry.job;
    if (const Result<std::vector<std::string>> nodes = expand_hosts(entry.nodes); nodes) {
        finished.ended.nodes = *nodes;
    }
    return finished;
}

std::vector<Finished> BatchRunner::look() {
    if (now_ms() >= next_ask_ms_) {
        ask();
    }
    std::vector<Finished> finished;
    if (now_ms() < next_look_ms_) {
        return finished;
    }
    slow_down();
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        if (entry->kill_at_ms != 0 && now_ms() >= entry->kill_at_ms) {
            cancel_jobs({entry->job}, true);
            entry->kill_at_ms = now_ms() + kGraceMs;
        }
        std::optional<Finished> one = outcome(*entry);
        if (!one) {
            ++entry;
            continue;
        }
        finished.push_back(std::move(*one));
        entry = entries_.erase(entry);
        speed_up();
    }
    return finished;
}

}  // namespace inferstep::sweep
