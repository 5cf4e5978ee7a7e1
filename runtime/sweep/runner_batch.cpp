// Points as batch jobs. Their end is known by the file that their scripts leave; the queue is asked seldom, for all
// jobs in one call, and tells of those that died without a word.
#include <algorithm>
#include <map>

#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/words.hpp"
#include "sweep/allocation.hpp"
#include "sweep/jobs.hpp"
#include "sweep/point_folder.hpp"
#include "sweep/runner.hpp"

namespace inferstep::sweep {
namespace {

constexpr int kSaneParallel = 500;     // jobs in the queue at once, where nobody says how many
constexpr int kLookMs = 250;           // between two looks at the files, when something has just happened
constexpr int kSlowestLookMs = 3'000;  // when nothing does
constexpr int kAskMs = 1'000;          // between two questions to the controller
constexpr int kSlowestAskMs = 15'000;
constexpr int kWordMs = 5'000;        // a file of another node may be seen late
constexpr int kRetryMs = 5'000;       // after a refused submission
constexpr int kPatienceMs = 600'000;  // with nothing else in the queue
constexpr int kGraceMs = 30'000;

class BatchRunner final : public Runner {
   public:
    explicit BatchRunner(int parallel) : parallel_(static_cast<std::size_t>(parallel > 0 ? parallel : kSaneParallel)) {}

    bool full() const override { return entries_.size() >= parallel_ || now_ms() < refused_until_ms_; }
    std::optional<Places> place(const Point& point) override;
    void give_back(const Places& /*places*/) override {}
    Result<std::string> start(const Point& point, const std::string& directory, const Places& places) override;
    Result<bool> adopt(const Point& point, const std::string& directory, const PointState& state) override;
    void watch(std::vector<pollfd>& /*fds*/) const override {}
    int patience() const override;
    std::vector<Finished> look() override;
    void stop(const std::string& id, bool hard) override;
    std::optional<std::int64_t> began_ms(const std::string& id) const override;
    bool refused() const override { return refused_until_ms_ != 0; }
    std::string over() const override { return over_; }

   private:
    struct Entry {
        std::string id;  // of the point
        std::string directory;
        std::string job;
        std::string state = "PENDING";
        std::string nodes;
        double begin = 0;                  // of the job, seconds since 1970
        std::int64_t over_since_ms = 0;    // the queue calls it ended, and its file is not there
        std::int64_t failed_since_ms = 0;  // its file is there and says that it failed
        std::int64_t kill_at_ms = 0;       // it was asked to end
    };

    void refuse(bool later, const std::string& why);
    void ask();
    void note(Entry& entry, const Job& job);
    bool waited_for_why(Entry& entry, int limit_ms);
    std::optional<Finished> outcome(Entry& entry);
    Finished by_state(const Entry& entry) const;
    void slow_down();
    void speed_up();

    std::size_t parallel_;
    std::vector<Entry> entries_;
    std::map<std::string, Job> queue_;  // as it was asked last
    bool asked_ = false;
    std::int64_t next_look_ms_ = 0, next_ask_ms_ = 0;
    std::int64_t refused_until_ms_ = 0, refused_since_ms_ = 0;  // 0: the last submission was taken
    int look_pause_ms_ = kLookMs, ask_pause_ms_ = kAskMs;
    bool taken_any_ = false;
    std::string over_;
};

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

void BatchRunner::note(Entry& entry, const Job& job) {
    if (job.state != entry.state) {
        entry.state = job.state;
        speed_up();
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

}  // namespace

std::unique_ptr<Runner> batch_runner(int parallel) { return std::make_unique<BatchRunner>(parallel); }

}  // namespace inferstep::sweep
