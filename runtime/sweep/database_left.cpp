#include "sweep/database_left.hpp"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/process.hpp"
#include "core/text.hpp"
#include "core/words.hpp"
#include "sweep/database.hpp"
#include "sweep/point_folder.hpp"
#include "sweep/tree.hpp"

namespace inferstep::sweep {
namespace {

constexpr int kAnswerMs = 20'000;  // a busy controller answers late
constexpr int kEndMs = 10'000;
constexpr std::chrono::milliseconds kLook(50);
constexpr std::string_view kLocal = "local.";

std::string first_line(const std::string& path) {
    const Result<std::string> text = read_file(path);
    return text ? text->substr(0, text->find('\n')) : "";
}

bool is_number(std::string_view text) { return text.size() < 12 && all_digits(text); }

// Is this process still the one that was started for the point? Numbers come again.
bool is_database(pid_t pid, const std::string& directory) {
    const Result<std::string> command = read_file(fmt::format("/proc/{}/cmdline", pid));
    return command && command->find(std::string("\0db\0standard\0", 13)) != std::string::npos &&
           command->find("--outdir=" + directory + "/" + kRecordsDir + std::string(1, '\0')) != std::string::npos;
}

bool end_process(const std::string& number, const std::string& directory) {
    const Result<long> pid = parse_number("", number, 2, 1L << 30);
    if (!pid || !is_database(static_cast<pid_t>(*pid), directory)) {
        return false;
    }
    kill(static_cast<pid_t>(*pid), SIGTERM);
    for (const std::int64_t end = now_ms() + kEndMs;
         now_ms() < end && is_database(static_cast<pid_t>(*pid), directory);) {
        std::this_thread::sleep_for(kLook);
    }
    return true;
}

}  // namespace

void end_left_database(const std::string& directory) {
    const std::string step = first_line(directory + "/" + kDatabaseStepFile);
    if (step.empty() || read_end(directory)) {
        return;
    }
    if (step.starts_with(kLocal)) {
        if (end_process(step.substr(kLocal.size()), directory)) {
            print_warning(fmt::format("the database {} of a point that was killed was still there; it is ended", step));
        }
        return;
    }
    const std::string job = step.substr(0, step.find('.'));
    if (!is_number(job) || step.size() == job.size() || !is_number(std::string_view(step).substr(job.size() + 1))) {
        return;
    }
    // A job of its own may still wait for its nodes: then there is no step yet.
    const bool own = job != first_line(directory + "/" + kJobFile);
    const Result<Captured> done = run_capture({"scancel", own ? job : step}, kAnswerMs);
    if (done && done->exit_code == 0) {
        print_warning(fmt::format("the database {} of a point that was killed is told to end", step));
    }
}

}  // namespace inferstep::sweep
