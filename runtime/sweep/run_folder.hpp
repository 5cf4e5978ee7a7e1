// The directory of a run: made once, exclusively, and found again.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "sweep/battery.hpp"
#include "sweep/run.hpp"

namespace inferstep::sweep {

// "p0007 nodes=2 db_cpus=4 repeat=2": how a line names a point.
std::string describe_point(const Point& point);

// Makes results/<battery>/run-YYYYMMDD-HHMMSS[-2] and writes battery.yaml and sweep.json. Returns its absolute path.
Result<std::string> make_run_folder(const Battery& battery, const std::vector<Point>& points, Where where,
                                    const RunOptions& options);

// What sweep.json says of how a run began.
struct RunRecord {
    std::string battery;
    Where where = Where::kLocal;
    std::string folder;
    std::vector<Point> points;  // in running order; id, parameters, repeat, warm-up alone
};
Result<RunRecord> read_run_record(const std::string& run);

// To go on with `run` this must be the battery that it began with; the error names the key that differs. Puts the
// points into the order in which they ran then.
Status match_run(const std::string& run, const Battery& battery, std::vector<Point>& points);

}  // namespace inferstep::sweep
