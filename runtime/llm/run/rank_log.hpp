// rank_N.log in the form of distributed-inference's logs, "2026-11-21 23:20:01,123 [INFO][rank=0] text", so that what
// reads those reads these. The last line is the rank's summary, alone, as in all rank logs of ours.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/file.hpp"
#include "core/json.hpp"

namespace inferstep::llm {

// Thread-safe. Warnings and errors go to stderr as well, everything with --verbose.
class RankLog {
   public:
    // What is in the file stays, as with distributed-inference.
    static Result<std::unique_ptr<RankLog>> open(const std::string& path, int rank);
    void info(std::string_view text);
    void warning(std::string_view text);
    void error(const Error& error);
    Status finish(const Json& summary);  // the last line; the first error since open()

   private:
    RankLog(LineFile file, int rank) : file_(std::move(file)), rank_(rank) {}
    void line(std::string_view level, std::string_view text);
    std::mutex mutex_;
    LineFile file_;
    int rank_;
};

// Lines that programs look for.
std::string started_line(int rank, int ranks);  // "Initialized torch.distributed (rank=0, world_size=2)"
std::string loads_line(int stage, int layers, std::string_view range, std::string_view device);
std::string prompt_line(int prompt_index, int tokens, double seconds);
std::string completed_line(int prompts, double seconds);

}  // namespace inferstep::llm
