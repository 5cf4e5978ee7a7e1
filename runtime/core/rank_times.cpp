#include "core/rank_times.hpp"

#include "core/clock.hpp"

namespace inferstep {

std::string rank_path(const std::string& directory, int rank, const char* extension) {
    return fmt::format("{}/rank_{}.{}", directory, rank, extension);
}

Result<RankTimes> RankTimes::create(const std::string& directory, int rank) {
    auto file = LineFile::create(rank_path(directory, rank, "csv"));
    if (!file) {
        return file.error();
    }
    file->line("rank,function,time");
    return RankTimes(rank, std::move(*file));
}

void RankTimes::row(std::string_view function, double seconds) {
    pending_ += fmt::format("{}{},{},{:.9f}", pending_.empty() ? "" : "\n", rank_, function, seconds);
}

void RankTimes::flush() {
    if (!pending_.empty()) {
        file_.line(pending_);
        pending_.clear();
    }
    flushed_ns_ = now_ns();
}

void RankTimes::flush_now_and_then() {
    constexpr double kSeconds = 1;
    if (seconds_since(flushed_ns_) > kSeconds) {
        flush();
    }
}

Status RankTimes::finish() {
    flush();
    return file_.finish();
}

}  // namespace inferstep
