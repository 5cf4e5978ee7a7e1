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
    std::string path;  // ours below it, "/slurm/uid_1/job_2/step_0/task_0"
    bool v2 = false;

    std::string file(const std::string& group, const char* v1_name, const char* v2_name) const {
        return fmt::format("{}{}/{}", root, group, v2 ? v2_name : v1_name);
    }
};

// The line "9:memory:/a/b" (v1) or "0::/a/b" (v2) of /proc/self/cgroup. v1 wins: where it has the memory controller,
// the unified hierarchy has not. Beside hierarchies of v1 the unified one is mounted below them.
MemoryGroup memory_group(const CgroupFiles& files) {
    MemoryGroup group;
    const Result<std::string> text = read_file(files.self);
    for (const std::string& line : split(text ? *text : "", '\n')) {
        const std::size_t first = line.find(':');
        const std::size_t second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) {
            continue;
        }
        const std::vector<std::string> controllers = split(line.substr(first + 1, second - first - 1), ',');
        if (std::find(controllers.begin(), controllers.end(), "memory") != controllers.end()) {
            return {files.mount + "/memory", line.substr(second + 1), false};
        }
        if (controllers.empty()) {
            const std::string beside = files.mount + "/unified";
            group = {exists(beside + "/cgroup.controllers") ? beside : files.mount, line.substr(second + 1), true};
        }
    }
    return group;
}

// Our cgroup and those above it, the innermost first: "/a/b", "/a", "".
std::vector<std::string> groups_up(const MemoryGroup& group) {
    std::vector<std::string> all;
    for (std::string path = group.path; !group.root.empty(); path.resize(path.rfind('/'))) {
        all.push_back(path);
        if (path.empty() || path.rfind('/') == std::string::npos) {
            break;
        }
    }
    return all;
}

// The first number of a file. Nothing: it is absent, or starts with a word ("max").
std::optional<std::uint64_t> number_in(const std::string& path) {
    const Result<std::string> text = read_file(path);
    std::uint64_t value = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc{}) {
        return std::nullopt;
    }
    return value;
}

// The number after `key` in a text of lines "key value".
std::uint64_t number_of(const std::string& text, std::string_view key) {
    for (const std::string& line : split(text, '\n')) {
        if (line.starts_with(key) && line.size() > key.size() + 1 && line[key.size()] == ' ') {
            std::uint64_t value = 0;
            std::from_chars(line.data() + key.size() + 1, line.data() + line.size(), value);
            return value;
        }
    }
    return 0;
}

// The smallest of a limit along the way up. What v1 calls no limit is a number beyond all memory.
std::optional<std::uint64_t> smallest(const MemoryGroup& group, const char* v1_name, const char* v2_name) {
    constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 60U;
    std::optional<std::uint64_t> least;
    for (const std::string& path : groups_up(group)) {
        const std::optional<std::uint64_t> limit = number_in(group.file(path, v1_name, v2_name));
        if (limit && *limit < kUnlimited) {
            least = std::min(*limit, least.value_or(*limit));
        }
    }
    return least;
}

}  // namespace

std::uint64_t memory_limit(const CgroupFiles& files) {
    const std::uint64_t machine =
        static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    return std::min(machine, smallest(memory_group(files), "memory.limit_in_bytes", "memory.max").value_or(machine));
}

// v1 limits memory and swap together.
std::optional<std::uint64_t> swap_limit(const CgroupFiles& files) {
    const MemoryGroup group = memory_group(files);
    const std::optional<std::uint64_t> limit = smallest(group, "memory.memsw.limit_in_bytes", "memory.swap.max");
    if (!limit || group.v2) {
        return limit;
    }
    return *limit - std::min(*limit, memory_limit(files));
}

std::optional<std::uint64_t> memory_peak(const CgroupFiles& files) {
    const MemoryGroup group = memory_group(files);
    const std::size_t step = group.path.find("/step_");
    if (step == std::string::npos) {
        return std::nullopt;  // of others too
    }
    return number_in(
        group.file(group.path.substr(0, group.path.find('/', step + 1)), "memory.max_usage_in_bytes", "memory.peak"));
}

// Slurm gives each task of a step a cgroup of its own below the step's: one of them is ours. v2 counts for a group what
// happens below it, v1 does not. A container may see its host's path and has only its own part of the tree: then it is
// the nearest group that is there.
std::uint64_t oom_kills(const CgroupFiles& files) {
    MemoryGroup group = memory_group(files);
    const std::size_t last = group.path.rfind('/');
    if (last != std::string::npos && group.path.compare(last + 1, 5, "task_") == 0) {
        group.path.resize(last);
    }
    for (const std::string& path : groups_up(group)) {
        const Result<std::string> text = read_file(group.file(path, "memory.oom_control", "memory.events"));
        if (!text) {
            continue;
        }
        std::uint64_t kills = number_of(*text, "oom_kill");
        std::error_code code;
        for (std::filesystem::directory_iterator at(group.root + path, code), end; !group.v2 && !code && at != end;
             at.increment(code)) {
            const Result<std::string> below = read_file(at->path().string() + "/memory.oom_control");
            kills += below ? number_of(*below, "oom_kill") : 0;
        }
        return kills;
    }
    return 0;
}

std::string memory_cgroup(const CgroupFiles& files) { return memory_group(files).path; }

}  // namespace inferstep
