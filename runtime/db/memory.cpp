#include "db/memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.hpp"
#include "core/words.hpp"

namespace inferstep {
namespace {

// Where our memory cgroup is, and the names of what is read there.
struct MemoryGroup {
    std::string root;  // the mounted hierarchy
    std::string path;  // ours below it, "/slurm/uid_1/job_2/step_0"
    bool v2 = false;
};

// /proc/self/cgroup has lines "9:memory:/a/b" (v1) and "0::/a/b" (v2). v1 wins: where it has the memory controller,
// the unified hierarchy has not.
MemoryGroup memory_group() {
    MemoryGroup group;
    const Result<std::string> text = read_file("/proc/self/cgroup");
    for (const std::string& line : split(text ? *text : "", '\n')) {
        const std::size_t first = line.find(':');
        const std::size_t second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) {
            continue;
        }
        const std::vector<std::string> controllers = split(line.substr(first + 1, second - first - 1), ',');
        if (std::find(controllers.begin(), controllers.end(), "memory") != controllers.end()) {
            return {"/sys/fs/cgroup/memory", line.substr(second + 1), false};
        }
        if (controllers.empty()) {
            group = {"/sys/fs/cgroup", line.substr(second + 1), true};
        }
    }
    return group;
}

// The first number of a file; `none` when it is absent or starts with a word ("max").
std::uint64_t number_in(const std::string& path, std::uint64_t none) {
    const Result<std::string> text = read_file(path);
    std::uint64_t value = none;
    if (text) {
        std::from_chars(text->data(), text->data() + text->size(), value);
    }
    return value;
}

// The number after `key` in a file of lines "key value".
std::uint64_t number_of(const std::string& path, std::string_view key) {
    const Result<std::string> text = read_file(path);
    for (const std::string& line : split(text ? *text : "", '\n')) {
        if (line.starts_with(key) && line.size() > key.size() + 1 && line[key.size()] == ' ') {
            std::uint64_t value = 0;
            std::from_chars(line.data() + key.size() + 1, line.data() + line.size(), value);
            return value;
        }
    }
    return 0;
}

}  // namespace

std::uint64_t memory_limit() {
    std::uint64_t limit =
        static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    const MemoryGroup group = memory_group();
    for (std::string path = group.path; !group.root.empty(); path.resize(path.rfind('/'))) {
        const char* file = group.v2 ? "/memory.max" : "/memory.limit_in_bytes";
        limit = std::min(limit, number_in(group.root + path + file, limit));
        if (path.empty() || path.rfind('/') == std::string::npos) {
            break;
        }
    }
    return limit;
}

// Slurm gives each task of a step a cgroup of its own below the step's: one of them is ours. v2 counts for a group what
// happens below it, v1 does not.
std::uint64_t oom_kills() {
    const MemoryGroup group = memory_group();
    if (group.root.empty()) {
        return 0;
    }
    const std::size_t last = group.path.rfind('/');
    const bool of_task = group.path.compare(last + 1, 5, "task_") == 0;
    const std::string step = group.root + (of_task ? group.path.substr(0, last) : group.path);
    if (group.v2) {
        return number_of(step + "/memory.events", "oom_kill");
    }
    std::uint64_t kills = number_of(step + "/memory.oom_control", "oom_kill");
    std::error_code code;
    for (std::filesystem::directory_iterator at(step, code), end; !code && at != end; at.increment(code)) {
        kills += number_of(at->path().string() + "/memory.oom_control", "oom_kill");
    }
    return kills;
}

std::string memory_cgroup() { return memory_group().path; }

}  // namespace inferstep
