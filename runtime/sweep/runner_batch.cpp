// Submitting and ending jobs, and finding those of an earlier driver.
#include "sweep/runner_batch.hpp"

#include <algorithm>

#include "sweep/tree.hpp"

namespace inferstep::sweep {
namespace {

constexpr int kSaneParallel = 500;     // jobs in the queue at once, where nobody says how many
constexpr int kSlowestLookMs = 3'000;  // between two looks at the files, when nothing happens
constexpr int kRetryMs = 5'000;        // after a refused submission
constexpr int kPatienceMs = 600'000;   // with nothing else in the queue

}  // namespace

BatchRunner::BatchRunner(int parallel) : parallel_(static_cast<std::size_t>(parallel > 0 ? parallel : kSaneParallel)) {}

std::optional<Places> BatchRunner::place(const Point& /*point*/) {
    return full() ? std::nullopt : std::optional<Places>(Places{});
}

Result<std::string> BatchRunner::start(const Point& point, const std::string& directory, const Places& /*places*/) {
    bool later = false;
    Result<std::string> job = submit_job(directory + "/" + kScriptFile, later);
    if (!job) {
        refuse(later, job.error().message);
        return job;
    }
    refused_until_ms_ = refused_since_ms_ = 0;
    taken_any_ = true;
    Entry entry;
    entry.id = point.id;
    entry.directory = directory;
    entry.job = *job;
    entries_.push_back(std::move(entry));
    speed_up();
    return job;
}

// A queue that is full gets room again as jobs end, a controller comes back. What the very first job hears is nothing
// of that kind: the next ones would hear the same.
void BatchRunner::refuse(bool later, const std::string& why) {
    refused_since_ms_ = refused_since_ms_ == 0 ? now_ms() : refused_since_ms_;
    refused_until_ms_ = later ? now_ms() + kRetryMs : 0;
    if (entries_.empty() && (later ? now_ms() - refused_since_ms_ > kPatienceMs : !taken_any_)) {
        over_ = why;
    }
}

// By the job's number; by its script where the number was not written down any more.
Result<bool> BatchRunner::adopt(const Point& point, const std::string& directory, const PointState& state) {
    if (!asked_) {
        Result<std::map<std::string, Job>> queue = look_at_queue();
        if (!queue) {
            return queue.error();
        }
        queue_ = std::move(*queue);
        asked_ = true;
    }
    const std::string script = directory + "/" + kScriptFile;
    const bool submitted = state.stage == PointState::Stage::kBegun;
    const auto job = std::find_if(queue_.begin(), queue_.end(), [&](const auto& known) {
        return known.second.script == script || (submitted && known.first == state.job);
    });
    // Of a job that succeeded the file may be seen late; what else ended without one is half-done.
    if (job == queue_.end() || (is_over(job->second.state) && job->second.state != "COMPLETED")) {
        return false;
    }
    Entry entry;
    entry.id = point.id;
    entry.directory = directory;
    entry.job = job->first;
    note(entry, job->second);
    entries_.push_back(std::move(entry));
    taken_any_ = true;
    return true;
}

void BatchRunner::speed_up() {
    look_pause_ms_ = kLookMs;
    ask_pause_ms_ = kAskMs;
    next_look_ms_ = std::min(next_look_ms_, now_ms() + look_pause_ms_);
    next_ask_ms_ = std::min(next_ask_ms_, now_ms() + ask_pause_ms_);
}

void BatchRunner::slow_down() {
    look_pause_ms_ = std::min(look_pause_ms_ * 5 / 4, kSlowestLookMs);
    next_look_ms_ = now_ms() + look_pause_ms_;
}

int BatchRunner::patience() const {
    if (entries_.empty()) {
        return refused() ? static_cast<int>(std::max<std::int64_t>(refused_until_ms_ - now_ms(), 0)) : -1;
    }
    const std::int64_t next = std::min(next_look_ms_, next_ask_ms_);
    return static_cast<int>(std::clamp<std::int64_t>(next - now_ms(), 0, kSlowestLookMs));
}

void BatchRunner::stop(const std::string& id, bool hard) {
    for (Entry& entry : entries_) {
        if (entry.id == id) {
            cancel_jobs({entry.job}, hard);
            entry.kill_at_ms = now_ms() + kGraceMs;
            speed_up();
        }
    }
}

std::optional<std::int64_t> BatchRunner::began_ms(const std::string& id) const {
    for (const Entry& entry : entries_) {
        if (entry.id == id && entry.begin > 0 && is_running(entry.state)) {
            return now_ms() - static_cast<std::int64_t>(std::clamp(unix_now() - entry.begin, 0.0, 1e9) * 1000);
        }
    }
    return std::nullopt;
}

std::unique_ptr<Runner> batch_runner(int parallel) { return std::make_unique<BatchRunner>(parallel); }

}  // namespace inferstep::sweep
