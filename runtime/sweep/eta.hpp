// How long the rest of a run will take, out of how long its points took so far.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "sweep/battery.hpp"

namespace inferstep::sweep {

class Estimate {
   public:
    void learn(const Point& point, double seconds);
    // Seconds of a point: the mean of those with the same parameters, else of those with as many nodes, else of all,
    // else what the battery says.
    std::optional<double> of(const Point& point) const;

   private:
    struct Mean {
        double sum = 0;
        int count = 0;
    };
    std::map<std::string, Mean> by_parameters_;
    std::map<int, Mean> by_nodes_;
    Mean all_;
};

// The rest of all points together, side by side as now.
class TimeLeft {
   public:
    explicit TimeLeft(const Estimate& estimate) : estimate_(estimate) {}
    void waits(const Point& point) { add(point, 0, false); }
    void runs(const Point& point, double seconds_so_far) { add(point, seconds_so_far, true); }
    std::optional<double> seconds() const;  // nothing: of some point nothing is known

   private:
    void add(const Point& point, double so_far, bool running);
    const Estimate& estimate_;
    double sum_ = 0;
    double longest_ = 0;  // of what runs
    int running_ = 0;
    bool known_ = true;
};

}  // namespace inferstep::sweep
