// Runner: what starts the scripts of points and notices their end. One for processes (local and in an allocation), one
// for batch jobs. The loop of run.cpp calls it; it keeps no journal and decides nothing about what comes next.
#pragma once

#include <poll.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "sweep/battery.hpp"
#include "sweep/collect.hpp"
#include "sweep/journal.hpp"
#include "sweep/placer.hpp"

namespace inferstep::sweep {

// A point whose script has ended.
struct Finished {
    std::string id;
    Ended ended;         // `attempt` is the caller's
    bool again = false;  // it was no fault of the point's, such as a node that failed: it may be tried again
};

class Runner {
   public:
    virtual ~Runner() = default;

    virtual bool full() const = 0;  // there is no room for any point now
    // Nodes for the point (empty lists where the runner has none to give). Nothing: not now.
    virtual std::optional<Places> place(const Point& point) = 0;
    virtual void give_back(const Places& places) = 0;  // that no script was started on
    // Start the script that lies in the point's directory. Returns Slurm's job, or "". Error: the point failed.
    virtual Result<std::string> start(const Point& point, const std::string& directory, const Places& places) = 0;
    // A point that an earlier driver started. False: it runs no more.
    virtual Result<bool> adopt(const Point& point, const std::string& directory, const PointState& state) = 0;

    // What poll(2) is to watch, and for how long at most: -1 is for ever.
    virtual void watch(std::vector<pollfd>& fds) const = 0;
    virtual int patience() const = 0;
    // The points that have ended since the last call.
    virtual std::vector<Finished> look() = 0;

    // End a point; `hard`: at once. It still comes out of look().
    virtual void stop(const std::string& id, bool hard) = 0;
    // When the point's own time began, on now_ms()'s clock; nothing: it still waits.
    virtual std::optional<std::int64_t> began_ms(const std::string& id) const = 0;
    // The last start() failed for now only: to be tried again after patience().
    virtual bool refused() const { return false; }
    // Why nothing more can be started here, such as an allocation that is gone; "": it can.
    virtual std::string over() const { return ""; }
};

// Local: `job` is empty and `nodes` are none, one point at a time. In an allocation: side by side on its nodes, at most
// `parallel` (0: as many as fit).
std::unique_ptr<Runner> process_runner(const std::string& job, const std::vector<std::string>& nodes, int parallel);
// One sbatch for each point; at most `parallel` in the queue (0: a sane number).
std::unique_ptr<Runner> batch_runner(int parallel);

}  // namespace inferstep::sweep
