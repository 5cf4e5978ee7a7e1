#include "sweep/point_folder.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "core/file.hpp"
#include "core/file_lock.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "core/words.hpp"
#include "sweep/database_left.hpp"

namespace inferstep::sweep {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxTries = 100'000;
constexpr std::size_t kTail = 4096;
constexpr std::size_t kLongTail = 65'536;
constexpr std::size_t kLineLength = 160;
constexpr std::uint64_t kLeastRoom = 16'384;  // a point writes a script, an end and a record at least

bool is_there(const std::string& path) {
    struct stat st {};
    return lstat(path.c_str(), &st) == 0;
}

// What stands behind the reason: that a task exited, or a plugin of Slurm's failed, and what to do about it.
bool is_echo(const std::string& line) {
    constexpr const char* kEchoes[] = {"Exited with exit code", "error: spank: required plugin",
                                       "error: Failed to invoke spank plugin stack", ": hint: "};
    return std::any_of(std::begin(kEchoes), std::end(kEchoes),
                       [&line](const char* echo) { return line.find(echo) != std::string::npos; });
}

// The last line with a reason in it, shortened; "" where there is none.
std::string last_line(const std::string& path) {
    const Result<std::string> text = read_tail(path, kTail);
    std::string last;
    for (const std::string& line : split(text ? *text : "", '\n')) {
        if (!trimmed(line).empty() && !is_echo(line)) {
            last = printable(line);
        }
    }
    return shortened(last, kLineLength);
}

}  // namespace

Status make_point_folder(const std::string& run, const std::string& id) {
    const std::string point = point_directory(run, id);
    // A script that was written, whole or in part, and never ran is no attempt.
    if (!is_there(point + "/" + kScriptLog)) {
        std::error_code none;
        for (const fs::directory_entry& entry : fs::directory_iterator(point, none)) {
            if (entry.path().filename().string().starts_with(kScriptFile)) {
                unlink(entry.path().c_str());
            }
        }
        rmdir((point + "/" + kRecordsDir).c_str());
        rmdir(point.c_str());
    }
    if (is_there(point)) {
        end_left_database(point);
        int tries = 1;
        while (tries < kMaxTries && is_there(fmt::format("{}.try{}", point, tries))) {
            ++tries;
        }
        if (rename(point.c_str(), fmt::format("{}.try{}", point, tries).c_str()) != 0) {
            return fail("cannot rename {} to {}.try{}: {}", point, id, tries, std::strerror(errno));
        }
    }
    for (const std::string& directory : {point, point + "/" + kRecordsDir}) {
        if (mkdir(directory.c_str(), 0777) != 0) {
            return fail("cannot make {}: {}", directory, std::strerror(errno));
        }
    }
    return Status::ok();
}

std::optional<EndFile> read_end(const std::string& point) {
    const Result<std::string> text = read_tail(point + "/" + kEndFile, kTail);
    EndFile end;
    // It is written in one piece; one that was cut off has lost its end of line first.
    if (!text || !text->ends_with('\n') ||
        std::sscanf(text->c_str(), "%d %lf %lf", &end.exit_code, &end.begin, &end.end) != 3 ||
        !std::isfinite(end.begin) || !std::isfinite(end.end) || end.end < end.begin) {
        return std::nullopt;
    }
    return end;
}

std::string node_failure(const std::string& point) {
    constexpr std::string_view kWords = "srun: error: Node failure on ";
    const Result<std::string> text = read_tail(point + "/" + kStderrFile, kLongTail);
    const std::size_t at = text ? text->find(kWords) : std::string::npos;
    if (at == std::string::npos || (at > 0 && (*text)[at - 1] != '\n')) {
        return "";
    }
    return "NODE_FAIL: node " + printable(text->substr(at + kWords.size(), text->find('\n', at) - at - kWords.size()));
}

std::string why_of(const std::string& point, int exit_code) {
    std::string line = last_line(point + "/" + kStderrFile);
    line = line.empty() ? last_line(point + "/" + kScriptLog) : line;
    return fmt::format("exit code {}{}{}", exit_code, line.empty() ? "" : ": ", line);
}

pid_t find_script(const std::string& point) {
    const std::string log = point + "/" + kScriptLog;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator("/proc", ignored)) {
        const std::string name = entry.path().filename().string();
        pid_t pid = 0;
        if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) {
            continue;
        }
        if (fs::read_symlink(entry.path() / "fd/1", ignored) == log && getsid(pid) == pid) {
            return pid;
        }
    }
    return 0;
}

bool script_runs(const std::string& point) { return is_locked(point + "/" + kScriptLog); }

bool disk_is_full(const std::string& path) {
    struct statvfs fs {};
    return statvfs(path.c_str(), &fs) == 0 && fs.f_blocks > 0 && fs.f_bavail * fs.f_frsize < kLeastRoom;
}

}  // namespace inferstep::sweep
