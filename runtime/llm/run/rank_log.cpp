#include "llm/run/rank_log.hpp"

#include <algorithm>
#include <ctime>

#include "core/log.hpp"

namespace inferstep::llm {
namespace {

// As Python's logging writes it: local time, milliseconds behind a comma.
std::string local_time() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    std::tm parts{};
    localtime_r(&now.tv_sec, &parts);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02},{:03}", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, now.tv_nsec / 1'000'000);
}

}  // namespace

Result<std::unique_ptr<RankLog>> RankLog::open(const std::string& path, int rank) {
    Result<LineFile> file = LineFile::append(path);
    if (!file) {
        return file.error();
    }
    return std::unique_ptr<RankLog>(new RankLog(std::move(*file), rank));
}

void RankLog::line(std::string_view level, std::string_view text) {
    const std::string line = fmt::format("{} [{}][rank={}] {}", local_time(), level, rank_, printable(text));
    const std::lock_guard lock(mutex_);
    file_.line(line);
}

void RankLog::info(std::string_view text) {
    line("INFO", text);
    print_note(text);
}

void RankLog::warning(std::string_view text) {
    line("WARNING", text);
    print_warning(text);
}

void RankLog::error(const Error& error) {
    line("ERROR", error.message);
    print_error(error);
}

Status RankLog::finish(const Json& summary) {
    const std::lock_guard lock(mutex_);
    file_.line(summary.dump(false));
    return file_.finish();
}

// The original's words, for those who read its logs; torch is not in it.
std::string started_line(int rank, int ranks) {
    return fmt::format("Initialized torch.distributed (rank={}, world_size={})", rank, ranks);
}

std::string loads_line(int stage, int layers, std::string_view range, std::string_view device) {
    return fmt::format("Stage {} loads {} layers ({}) on device {}", stage, layers, range, device);
}

std::string prompt_line(int prompt_index, int tokens, double seconds) {
    return fmt::format("Prompt {} done: {} tokens in {:.2f}s ({:.2f} tok/s)", prompt_index, tokens, seconds,
                       tokens / std::max(seconds, 1e-6));
}

std::string completed_line(int prompts, double seconds) {
    return fmt::format("Completed {} prompts in {:.2f}s", prompts, seconds);
}

}  // namespace inferstep::llm
