#include "sweep/loop.hpp"

#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/wait.hpp"
#include "sweep/point_folder.hpp"
#include "sweep/run_folder.hpp"

namespace inferstep::sweep {
namespace {

constexpr int kBarMs = 1000;  // a bar that does not move looks dead

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ",") + name;
    }
    return text;
}

}  // namespace

Status Loop::run() {
    take_work();
    while (true) {
        if (run_.battery.stop_on_failure) {
            write_down();  // before the next begins: it may be the last
        }
        start_what_fits();
        if (active_.empty() && !todo_.empty() && may_start() && !run_.runner->refused()) {
            over_ = "the nodes that the allocation still has are too few";
        }
        write_down();  // while the next ones run
        if (active_.empty() && (todo_.empty() || !may_start())) {
            break;
        }
        if (signal_ != 0 && run_.where == Where::kBatch) {
            break;  // the jobs go on
        }
        if (active_.empty() && !run_.runner->refused()) {
            continue;  // a point was put back
        }
        show_bar();
        wait();
    }
    progress_.clear();
    return broken_ ? Status(*broken_) : Status::ok();
}

void Loop::take_work() {
    for (std::size_t i = 0; i < run_.points.size(); ++i) {
        by_id_[run_.points[i].id] = i;
    }
    todo_.assign(run_.work.todo.begin(), run_.work.todo.end());
    failed_ = run_.work.failed;
    done_ = static_cast<int>(run_.work.done.size());
    for (const auto& [index, seconds] : run_.work.done) {
        estimate_.learn(run_.points[index], seconds);
    }
    for (const std::size_t index : run_.work.running) {
        active_[index].attempt = std::max(run_.work.attempt[index], 1);
    }
    for (auto& [index, ended] : run_.work.ended) {
        active_[index].attempt = std::max(run_.work.attempt[index], 1);
        finished_.push_back({run_.points[index].id, std::move(ended), false});
    }
}

// In their order, but one that waits for more nodes lets those pass that fit beside what runs.
void Loop::start_what_fits() {
    for (std::size_t i = 0; i < todo_.size() && may_start() && !run_.runner->full();) {
        if (start(todo_[i])) {
            todo_.erase(todo_.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
            ++i;
        }
    }
}

// False: there is no room for it now.
bool Loop::start(std::size_t index) {
    const Point& point = run_.points[index];
    const std::optional<Places> places = run_.runner->place(point);
    if (!places) {
        return false;
    }
    if (disk_is_full(run_.directory)) {
        give_up(fail("there is no space left for {}", run_.directory));
        return true;
    }
    Active active;
    active.attempt = run_.work.attempt[index] + 1;
    Status made = make_script(index, *places, active.attempt);
    run_.work.attempt[index] = active.attempt;
    Result<std::string> job = std::string();
    if (made) {
        job = run_.runner->start(point, point_directory(run_.directory, point.id), *places);
    }
    if (broken_) {
        return true;
    }
    over_ = run_.runner->over();
    // A ^C reaches sbatch as well as us.
    const bool interrupted = wait_events(signals_.get(), POLLIN, 0) != 0;
    if (!job && made && (run_.runner->refused() || !over_.empty() || interrupted)) {
        not_started(index, job.error().message);
        return false;
    }
    active.job = job ? *job : "";
    active_[index] = active;
    if (!made || !job) {
        run_.runner->give_back(*places);
        Finished finished;
        finished.id = point.id;
        finished.ended.state = "failed";
        finished.ended.why = (made ? job.error() : made.error()).message;
        finished.ended.exit_code = 1;
        finished.ended.begin = finished.ended.end = unix_now();
        finished_.push_back(std::move(finished));
    } else if (run_.where == Where::kBatch) {
        JournalEvent submit{.event = "submit", .point = point.id, .attempt = active.attempt, .job = *job};
        if (Status s = run_.journal.add(std::move(submit), true); !s) {
            give_up(s.error());
        }
    }
    return true;
}

// Slurm did not take it, which is none of the point's fault: it is still to be done.
void Loop::not_started(std::size_t index, const std::string& why) {
    const Point& point = run_.points[index];
    const int attempt = run_.work.attempt[index]--;
    JournalEvent event{.event = "interrupt", .point = point.id, .attempt = attempt, .why = why};
    if (Status s = run_.journal.add(std::move(event), false); !s) {
        give_up(s.error());
    }
}

// What cannot be written ends the run; what cannot be said in a script, the point.
Status Loop::make_script(std::size_t index, const Places& places, int attempt) {
    const Point& point = run_.points[index];
    const std::string path = point_directory(run_.directory, point.id) + "/" + kScriptFile;
    ScriptContext context;
    context.where = run_.where;
    context.run = run_.directory;
    context.program = run_.program;
    context.step_nodes = places.step;
    context.database_nodes = places.database;
    context.settings = run_.options.settings;
    const Result<std::string> script = point_script(run_.battery, point, context);
    Status made = make_point_folder(run_.directory, point.id);
    if (made && script) {
        made = write_file(path, *script, 0755);
    }
    if (made) {
        JournalEvent begin{.event = "begin", .point = point.id, .attempt = attempt, .nodes = joined(places.all())};
        made = run_.journal.add(std::move(begin), false);
    }
    if (!made) {
        give_up(made.error());
        return made;
    }
    return script ? Status::ok() : Status(script.error());
}

void Loop::wait() {
    std::vector<pollfd> fds = {{signals_.get(), POLLIN, 0}};
    run_.runner->watch(fds);
    poll(fds.data(), fds.size(), finished_.empty() ? patience() : 0);
    if (fds[0].revents != 0) {
        on_signal();
    }
    check_limits();
    for (Finished& finished : run_.runner->look()) {
        finished_.push_back(std::move(finished));
    }
    over_ = over_.empty() ? run_.runner->over() : over_;
}

// Until the runner wants to look again, a point's time is over, or the bar is to move.
int Loop::patience() const {
    std::int64_t next = progress_.has_bar() ? kBarMs : -1;
    const auto sooner = [&next](std::int64_t ms) { next = next < 0 ? ms : std::min(next, ms); };
    if (const int runner = run_.runner->patience(); runner >= 0) {
        sooner(runner);
    }
    for (const auto& [index, active] : active_) {
        const Point& point = run_.points[index];
        const std::optional<std::int64_t> began = run_.runner->began_ms(point.id);
        if (point.time_limit_s > 0 && began && active.ending == Ending::kNone) {
            const auto limit = static_cast<std::int64_t>(std::min(point.time_limit_s, 1e9) * 1000);
            sooner(std::max<std::int64_t>(*began + limit - now_ms(), 0) + 1);
        }
    }
    return static_cast<int>(std::min<std::int64_t>(next, 1 << 30));
}

void Loop::check_limits() {
    for (auto& [index, active] : active_) {
        const Point& point = run_.points[index];
        const std::optional<std::int64_t> began = run_.runner->began_ms(point.id);
        if (point.time_limit_s > 0 && began && active.ending == Ending::kNone &&
            static_cast<double>(now_ms() - *began) >= point.time_limit_s * 1000) {
            active.ending = Ending::kTimeout;
            run_.runner->stop(point.id, false);
        }
    }
}

void Loop::on_signal() {
    signalfd_siginfo info{};
    if (read(signals_.get(), &info, sizeof info) != sizeof info) {
        return;
    }
    const bool again = signal_ != 0;
    signal_ = again ? signal_ : static_cast<int>(info.ssi_signo);
    if (run_.where != Where::kBatch) {
        if (!again && !active_.empty()) {
            progress_.line(fmt::format("ending {} running; once more ends {} at once",
                                       active_.size() == 1 ? "the point" : "the points that are",
                                       active_.size() == 1 ? "it" : "them"));
        }
        stop_all(again);
    }
}

void Loop::stop_all(bool hard) {
    for (auto& [index, active] : active_) {
        active.ending = active.ending == Ending::kNone ? Ending::kInterrupt : active.ending;
        run_.runner->stop(run_.points[index].id, hard);
    }
}

// Nothing can be written any more: what runs ends, and is not counted.
void Loop::give_up(const Error& error) {
    if (!broken_) {
        broken_ = error;
        if (run_.where != Where::kBatch) {
            stop_all(false);
        }
    }
}

std::vector<std::string> Loop::jobs() const {
    std::vector<std::string> jobs;
    for (const auto& [index, active] : active_) {
        jobs.push_back(active.job);
    }
    return jobs;
}

}  // namespace inferstep::sweep
