// The files of a run, by name. man/inferstep-metrics.5 describes what is in them.
//
//   results/<battery>/run-20261121-201502/       the run: battery.yaml, sweep.json, journal.jsonl
//     points/p0001/                              a point: run.sh, point.json, metrics.csv, stdout.log, stderr.log, …
//       records/<job>.<step>/                    what the step itself recorded: rank_0.csv, step.json, …
#pragma once

#include <string>

namespace inferstep::sweep {

constexpr const char* kResults = "results";
constexpr const char* kBatteryFile = "battery.yaml";   // as it was read or made
constexpr const char* kSweepFile = "sweep.json";       // command, versions, where it runs, all points
constexpr const char* kJournalFile = "journal.jsonl";  // what happened, a line at a time; locked by who writes it
constexpr const char* kPointsDir = "points";
constexpr const char* kScriptFile = "run.sh";        // the exact commands and environment; runs by hand, too
constexpr const char* kPointFile = "point.json";     // written last, and only when the point has ended
constexpr const char* kMetricsFile = "metrics.csv";  // metric,value,unit,file,line
constexpr const char* kStdoutFile = "stdout.log";
constexpr const char* kStderrFile = "stderr.log";
constexpr const char* kEndFile = "end";           // "<exit code> <begin> <end>\n", by the script's last command
constexpr const char* kJobFile = "job";           // the number of the Slurm job that the script ran in, by its first
constexpr const char* kScriptLog = "script.log";  // what the script itself and the commands before the step print
constexpr const char* kRecordsDir = "records";    // INFER_OUTDIR of the point

constexpr const char* kSweepSchema = "inferstep-sweep/1";
constexpr const char* kPointSchema = "inferstep-point/1";

inline std::string point_directory(const std::string& run, const std::string& id) {
    return run + "/" + kPointsDir + "/" + id;
}

}  // namespace inferstep::sweep
