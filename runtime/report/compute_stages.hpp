// What each stage of a pipeline did: of metrics.json of `inferstep stage`, over the repeats.
#pragma once

#include "report/compute.hpp"

namespace inferstep::report {

struct StageColumn {
    const char* key;    // in report.json and stages.csv
    const char* title;  // for people
    enum class Unit { kSeconds, kBytes, kFraction, kPlain } unit;
    double (*of)(const sweep::StageRank& rank);
};
const std::vector<StageColumn>& stage_columns();
std::size_t stage_column(std::string_view key);  // its index; one of those above

void compute_stages(const Collection& collection, Figures& figures);

// Seconds of one run, over all its stages, and the whole that they are of: generating, without loading. Communication
// is sending, and receiving without the bubble.
struct StageParts {
    double communication = 0, compute = 0, bubble = 0, whole = 0;
};
StageParts stage_parts(const sweep::StageRecord& record);

}  // namespace inferstep::report
