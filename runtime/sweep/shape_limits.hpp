// What counts of a step and its database may be, in a battery file and when a point is made of it.
#pragma once

namespace inferstep::sweep {

struct Limit {
    long low, high;
};
constexpr Limit kNodesLimit{1, 100'000};
constexpr Limit kTasksLimit{1, 65'536};
constexpr Limit kCpusLimit{0, 65'536};
constexpr Limit kGpusLimit{0, 1'024};
constexpr Limit kRepeatsLimit{1, 100'000};
constexpr Limit kWarmupsLimit{0, 1'000};

}  // namespace inferstep::sweep
