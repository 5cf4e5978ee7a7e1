// The loop of a run, for run.cpp: starts points where there is room, waits for their ends, writes down what happened.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/fd.hpp"
#include "core/progress.hpp"
#include "core/result.hpp"
#include "sweep/eta.hpp"
#include "sweep/journal.hpp"
#include "sweep/resume.hpp"
#include "sweep/run.hpp"
#include "sweep/runner.hpp"
#include "sweep/script.hpp"

namespace inferstep::sweep {

// What a run is made of, by the time that its points can begin.
struct Run {
    const Battery& battery;
    const std::vector<Point>& points;  // in running order
    const RunOptions& options;
    std::string directory;  // absolute
    Where where;
    std::string program;  // our own
    Journal journal;
    std::unique_ptr<Runner> runner;
    Work work;
};

class Loop {
   public:
    // `signals` is a signalfd with those that end us.
    Loop(Run& run, const UniqueFd& signals) : run_(run), signals_(signals) {}

    // Until no point is left or nothing more can be done. Error: nothing can be written down any more.
    Status run();

    int signal() const { return signal_; }  // that ended us; 0: none
    int failed() const { return static_cast<int>(failed_.size()); }
    int done() const { return done_; }
    int left() const { return static_cast<int>(run_.points.size()) - done_ - failed(); }
    const std::vector<std::size_t>& failures() const { return failed_; }
    std::vector<std::string> jobs() const;  // that go on without us
    const std::string& over() const { return over_; }

   private:
    enum class Ending { kNone, kTimeout, kInterrupt };
    struct Active {
        int attempt = 1;
        Ending ending = Ending::kNone;
        std::string job;
    };

    void take_work();
    void start_what_fits();
    bool start(std::size_t index);
    void not_started(std::size_t index, const std::string& why);
    Status make_script(std::size_t index, const Places& places, int attempt);
    void wait();
    int patience() const;
    void on_signal();
    void check_limits();
    void write_down();
    void write_down(std::size_t index, Finished finished);
    void put_off(std::size_t index, const std::string& why, int attempt);
    void end(std::size_t index, const Ended& ended);
    void say_end(const Point& point, const Ended& ended, const PointResult& result);
    void show_bar();
    void stop_all(bool hard);
    void give_up(const Error& error);
    bool may_start() const { return signal_ == 0 && !stopped_ && over_.empty() && !broken_; }
    std::size_t index_of(const std::string& id) const { return by_id_.at(id); }

    Run& run_;
    const UniqueFd& signals_;
    Progress progress_;
    Estimate estimate_;
    std::deque<std::size_t> todo_;
    std::map<std::size_t, Active> active_;
    std::map<std::string, std::size_t> by_id_;
    std::vector<Finished> finished_;  // not written down yet
    std::vector<std::size_t> failed_;
    int done_ = 0;
    int signal_ = 0;
    bool stopped_ = false;  // after a failure
    std::string over_;      // no more points can be started, and why
    std::optional<Error> broken_;
};

}  // namespace inferstep::sweep
