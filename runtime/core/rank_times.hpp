// rank_<r>.csv: what a rank timed, appended while it runs; man/inferstep-metrics.5 is its description.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/file.hpp"

namespace inferstep {

// <directory>/rank_<rank>.<extension>
std::string rank_path(const std::string& directory, int rank, const char* extension);

class RankTimes {
   public:
    static Result<RankTimes> create(const std::string& directory, int rank);  // truncates

    void row(std::string_view function, double seconds);  // kept until the next flush()
    void flush();
    void flush_now_and_then();  // when the last one is a second ago
    Status finish();            // Error: what could not be written since create()

   private:
    RankTimes(int rank, LineFile file) : rank_(rank), file_(std::move(file)) {}

    int rank_;
    LineFile file_;
    std::string pending_;
    std::int64_t flushed_ns_ = 0;
};

}  // namespace inferstep
