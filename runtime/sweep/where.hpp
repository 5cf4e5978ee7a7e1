// Where the points of a battery run.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "sweep/battery.hpp"

namespace inferstep::sweep {

enum class Where {
    kLocal,       // on this machine, without Slurm, one at a time
    kAllocation,  // as steps of the allocation that we are in, side by side on nodes of their own
    kBatch,       // each as a batch job
};

constexpr std::string_view kWhereWords[] = {"local", "allocation", "batch"};
inline std::string_view word_of(Where where) { return kWhereWords[static_cast<std::size_t>(where)]; }

// Inside an allocation, but not inside one of its steps: there. Else local where no point needs more than one node and
// no Slurm is configured on this machine. Else batch.
Where choose_where(const std::vector<Point>& points);

// Can these points run there at all? The error names the first that cannot, before any of them has run.
Status check_where(Where where, const std::vector<Point>& points);

}  // namespace inferstep::sweep
