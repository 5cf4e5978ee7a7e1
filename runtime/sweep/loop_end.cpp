// How the loop writes down that a point has ended, and shows it.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "core/clock.hpp"
#include "sweep/database_left.hpp"
#include "sweep/loop.hpp"
#include "sweep/point_folder.hpp"
#include "sweep/run_folder.hpp"

namespace inferstep::sweep {
namespace {

constexpr int kMaxAttempts = 3;           // of a point under which nodes fail
constexpr std::size_t kMetricsShown = 3;  // in a line

double seconds_of(const Ended& ended) { return std::max(ended.end - ended.begin, 0.0); }

}  // namespace

void Loop::write_down() {
    std::vector<Finished> all;
    all.swap(finished_);
    for (Finished& finished : all) {
        const std::size_t index = index_of(finished.id);
        write_down(index, std::move(finished));
    }
}

void Loop::write_down(std::size_t index, Finished finished) {
    const Point& point = run_.points[index];
    const Active active = active_[index];
    active_.erase(index);
    Ended& ended = finished.ended;
    ended.attempt = active.attempt;
    ended.keep_script = run_.options.settings.save;
    end_left_database(point_directory(run_.directory, point.id));
    const bool good = ended.state == "done";
    if (!good && !broken_ && disk_is_full(run_.directory)) {
        give_up(fail("there is no space left for {}", run_.directory));
    }
    if (broken_) {
        // A failure on a full disk is none of the point's: a later driver must not read it as one.
        good ? 0 : unlink((point_directory(run_.directory, point.id) + "/" + kEndFile).c_str());
        return;
    }
    if (!good && active.ending == Ending::kTimeout) {
        ended.state = "timeout";
        ended.why = fmt::format("its time limit of {:g} s was over", point.time_limit_s);
    } else if (!good && active.ending == Ending::kInterrupt) {
        put_off(index, fmt::format("the sweep was ended by signal {}", signal_), active.attempt);
        return;
    } else if (!good && finished.again && (active.attempt < kMaxAttempts || !over_.empty())) {
        put_off(index, ended.why, active.attempt);
        return;
    }
    end(index, ended);
}

// The point is left to be run again: now, or by a later driver.
void Loop::put_off(std::size_t index, const std::string& why, int attempt) {
    const Point& point = run_.points[index];
    JournalEvent event{.event = "interrupt", .point = point.id, .attempt = attempt, .why = why};
    if (Status s = run_.journal.add(std::move(event), true); !s) {
        give_up(s.error());
    } else if (may_start()) {
        progress_.line(fmt::format("{} will run again: {}", describe_point(point), why));
        todo_.push_front(index);
    }
}

void Loop::end(std::size_t index, const Ended& ended) {
    const Point& point = run_.points[index];
    const Result<PointResult> result = collect_point(run_.battery, point, run_.directory, ended);
    if (!result) {
        give_up(result.error());
        return;
    }
    JournalEvent event{.event = "end", .point = point.id, .attempt = ended.attempt, .state = result->state};
    event.job = ended.job;
    event.exit_code = ended.exit_code;
    event.seconds = seconds_of(ended);
    event.why = result->why;
    if (Status s = run_.journal.add(std::move(event), true); !s) {
        give_up(s.error());
        return;
    }
    if (result->state == "done") {
        ++done_;
        estimate_.learn(point, seconds_of(ended));
    } else {
        failed_.push_back(index);
        stopped_ = stopped_ || run_.battery.stop_on_failure;
    }
    say_end(point, ended, *result);
}

// On a terminal the bar says enough of a point that is done.
void Loop::say_end(const Point& point, const Ended& ended, const PointResult& result) {
    const bool done = result.state == "done";
    if (done && progress_.has_bar()) {
        return;
    }
    std::string line = fmt::format("[{}/{}] {} {} {}", done_ + failed(), run_.points.size(), describe_point(point),
                                   result.state, duration_text(seconds_of(ended)));
    if (!done) {
        line += "  " + result.why;
    }
    for (std::size_t i = 0; done && i < std::min(result.metrics.size(), kMetricsShown); ++i) {
        const Metric& metric = result.metrics[i];
        line += fmt::format("  {} {:.6g}{}{}", metric.name, metric.value, metric.unit.empty() ? "" : " ", metric.unit);
    }
    progress_.line(line);
}

void Loop::show_bar() {
    if (!progress_.has_bar()) {
        return;
    }
    TimeLeft time(estimate_);
    int running = 0;
    for (const std::size_t index : todo_) {
        time.waits(run_.points[index]);
    }
    for (const auto& [index, active] : active_) {
        const std::optional<std::int64_t> began = run_.runner->began_ms(run_.points[index].id);
        began ? time.runs(run_.points[index], static_cast<double>(now_ms() - *began) / 1000)
              : time.waits(run_.points[index]);
        running += began ? 1 : 0;
    }
    progress_.show({done_ + failed(), static_cast<int>(run_.points.size()), running, failed(), time.seconds()});
}

}  // namespace inferstep::sweep
