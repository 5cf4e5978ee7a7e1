// How far a run is, seen from outside: its journal is read without a lock, while a driver may be writing to it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "core/result.hpp"
#include "sweep/battery.hpp"

namespace inferstep::sweep {

struct PointStatus {
    std::string id;
    Parameters parameters;
    int repeat = 1;
    bool warmup = false;
    std::string state = "left";  // left, queued, running, done, failed, timeout, cancelled
    int attempt = 0;
    std::string job;    // of Slurm, where there is one
    std::string nodes;  // where it runs, "n1,n2"
    double begin = 0;   // seconds since 1970
    double seconds = 0;
    std::string why;
};

struct SweepStatus {
    std::string run;  // its directory
    std::string battery;
    std::string where;
    bool driven = false;              // a driver lives, as far as can be told from here
    std::string driver;               // "process 123 on host": the last one
    std::vector<PointStatus> points;  // in running order
    std::optional<double> eta_s;      // until the last point ends
    std::string note;                 // about a torn journal, or empty
};

// The newest run below `results`, of any battery or of `battery` alone.
Result<std::string> newest_run(const std::string& results, const std::string& battery = "");

Result<SweepStatus> read_status(const std::string& run);
std::string status_text(const SweepStatus& status);  // lines for a person
Json status_json(const SweepStatus& status);         // schema inferstep-sweep-status/1

}  // namespace inferstep::sweep
