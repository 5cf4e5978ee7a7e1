#include "inferdb/settings.hpp"

#include <algorithm>

#include "core/cpuset.hpp"
#include "inferdb/args.hpp"

namespace inferstep {
namespace {

struct NumberSetting {
    std::string_view name;
    std::int64_t low;
    std::int64_t high;
    void (*store)(Settings&, std::int64_t);
};

constexpr std::int64_t kTebibyte = std::int64_t{1} << 40;

constexpr NumberSetting kNumbers[] = {
    {"TPQ", 1, 64, [](Settings& s, std::int64_t n) { s.workers = static_cast<int>(n); }},
    {"THREADS", 1, 256, [](Settings& s, std::int64_t n) { s.threads = static_cast<int>(n); }},
    // The first two as RedisAI calls them, and what has no other name.
    {"THREADS_PER_QUEUE", 1, 64, [](Settings& s, std::int64_t n) { s.workers = static_cast<int>(n); }},
    {"INTRA_OP_PARALLELISM", 1, 256, [](Settings& s, std::int64_t n) { s.threads = static_cast<int>(n); }},
    {"INTER_OP_PARALLELISM", 0, 1, [](Settings&, std::int64_t) {}},
    {"MODEL_CHUNK_SIZE", 1, kTebibyte, [](Settings& s, std::int64_t n) { s.model_chunk_size = n; }},
    {"MAXQUEUE", 1, 1'000'000, [](Settings& s, std::int64_t n) { s.max_queue = static_cast<std::size_t>(n); }},
    {"MAXBATCH", 1, 65536, [](Settings& s, std::int64_t n) { s.max_batch = n; }},
    {"MAXRUN", 0, 1'000'000, [](Settings& s, std::int64_t n) { s.max_run_s = n; }},
    {"MAXTENSOR", 1, kTebibyte, [](Settings& s, std::int64_t n) { s.max_tensor = static_cast<std::size_t>(n); }},
    {"ARENA", 0, kTebibyte, [](Settings& s, std::int64_t n) { s.arena = static_cast<std::size_t>(n); }},
    {"MAXTORCH", 0, kTebibyte, [](Settings& s, std::int64_t n) { s.max_torch = static_cast<std::size_t>(n); }},
    {"MAXMODEL", 1, kTebibyte, [](Settings& s, std::int64_t n) { s.max_model = static_cast<std::size_t>(n); }},
};

Status set(Settings& result, std::string_view name, std::string_view value) {
    if (same_word(name, "DEVICE")) {
        const bool cpu = same_word(value, "cpu");
        const bool gpu = same_word(value, "gpu");
        if (!cpu && !gpu && !same_word(value, "auto")) {
            return fail("DEVICE is cpu, gpu or auto, not {}", value);
        }
        result.device = cpu ? DeviceChoice::cpu : gpu ? DeviceChoice::gpu : DeviceChoice::any;
        return Status::ok();
    }
    for (const auto& [flag, stored] :
         {std::pair{"OPTIMIZE", &result.optimize}, {"TRUSTSOCKET", &result.trust_socket}}) {
        if (same_word(name, flag)) {
            *stored = !same_word(value, "no");
            return !*stored || same_word(value, "yes") ? Status::ok()
                                                       : Status(fail("{} is yes or no, not {}", flag, value));
        }
    }
    if (same_word(name, "ARENASOCKET")) {
        result.arena_socket = value;
        return value.starts_with('/') ? Status::ok()
                                      : Status(fail("ARENASOCKET is a path from the root, not {}", value));
    }
    for (const NumberSetting& setting : kNumbers) {
        if (same_word(name, setting.name)) {
            const auto number = parse_number<std::int64_t>(value);
            if (!number || *number < setting.low || *number > setting.high) {
                return fail("{} is a number from {} to {}, not {}", setting.name, setting.low, setting.high, value);
            }
            setting.store(result, *number);
            return Status::ok();
        }
    }
    return fail(
        "argument {} is unknown; TPQ, THREADS, DEVICE, OPTIMIZE, MAXQUEUE, MAXBATCH, MAXRUN, MAXTENSOR, MAXMODEL, "
        "MAXTORCH, ARENA, ARENASOCKET and TRUSTSOCKET are known",
        name);
}

}  // namespace

Settings& settings() {
    static Settings current;
    return current;
}

Result<Settings> parse_settings(const std::vector<std::string_view>& arguments) {
    Settings result;
    result.threads = 0;
    for (std::size_t i = 0; i < arguments.size(); i += 2) {
        if (i + 1 == arguments.size()) {
            return fail("argument {} lacks its value", arguments[i]);
        }
        if (const Status status = set(result, arguments[i], arguments[i + 1]); !status) {
            return status.error();
        }
    }
    if (result.threads == 0) {
        CpuSet cpus;
        const int count = get_affinity(0, cpus) ? cpus.count() : 1;
        result.threads = std::max(1, count / result.workers);
    }
    return result;
}

}  // namespace inferstep
