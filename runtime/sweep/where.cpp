#include "sweep/where.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "core/process.hpp"
#include "sweep/allocation.hpp"

namespace inferstep::sweep {
namespace {

// Where Slurm's own programs look.
bool has_slurm() {
    if (!find_program("sbatch")) {
        return false;
    }
    const char* variable = std::getenv("SLURM_CONF");
    const char* const places[] = {variable, "/etc/slurm/slurm.conf", "/run/slurm/conf/slurm.conf"};
    return std::any_of(std::begin(places), std::end(places),
                       [](const char* path) { return path != nullptr && access(path, R_OK) == 0; });
}

}  // namespace

Where choose_where(const std::vector<Point>& points) {
    if (inside_allocation()) {
        return Where::kAllocation;
    }
    const bool small =
        std::all_of(points.begin(), points.end(), [](const Point& point) { return point.all_nodes() <= 1; });
    return small && !has_slurm() ? Where::kLocal : Where::kBatch;
}

Status check_where(Where where, const std::vector<Point>& points) {
    if (where == Where::kAllocation) {
        const Result<Allocation> allocation = read_allocation();
        return allocation ? check_allocation(*allocation, points) : Status(allocation.error());
    }
    if (where == Where::kBatch) {
        const Result<std::string> sbatch = find_program("sbatch");
        return sbatch ? Status::ok()
                      : Status(with_hint(sbatch.error(), "--where=local runs the points here, without Slurm"));
    }
    for (const Point& point : points) {
        if (point.step.nodes > 1) {
            return with_hint(
                fail("point {} needs {} nodes, and without Slurm there is one", point.id, point.step.nodes),
                "run it in an allocation, or as batch jobs");
        }
    }
    return Status::ok();
}

}  // namespace inferstep::sweep
