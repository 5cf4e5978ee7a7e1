// What is kept of a point that has ended: its metrics, versions, placement, exact command and environment, written as
// metrics.csv and, last of all, point.json. man/inferstep-metrics.5 describes both.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "sweep/battery.hpp"

namespace inferstep::sweep {

// How a point ended, as far as who ran it knows.
struct Ended {
    std::string state = "done";  // done (exit code 0), failed, timeout, cancelled
    std::string why;             // a sentence, unless done
    int exit_code = 0;
    int attempt = 1;
    double begin = 0, end = 0;       // seconds since 1970
    std::string job;                 // Slurm's number; empty: none
    std::vector<std::string> nodes;  // where it ran, as far as known
    bool keep_script = true;         // false: run.sh is removed once the point is collected
};

struct Metric {
    std::string name;
    std::string unit;
    double value = 0;
    std::string better;  // lower, higher
    std::string file;    // below the point's directory, where the value stands, or the last of those it is made of
    long line = 0;       // from 1; 0: the file as a whole
};

struct PointResult {
    std::string state;  // as it ended; failed when a required metric is missing
    std::string why;
    std::vector<Metric> metrics;
};

// Reads what the point left in its directory below `run` and writes metrics.csv and point.json there. A point without
// a metric that it must have has failed, and says which rule found nothing where. Asks nobody outside: no Slurm, no
// waiting. Error: the directory cannot be written.
Result<PointResult> collect_point(const Battery& battery, const Point& point, const std::string& run,
                                  const Ended& ended);

// Write sacct_<job>.txt into the directories of all points of the run that name one in their point.json and lack it:
// Slurm is asked once for each job, some seconds at most, and where accounting does not answer the file says why. To be
// called once at the end of a sweep, never between points; can be called again.
Status collect_accounting(const std::string& run);

}  // namespace inferstep::sweep
