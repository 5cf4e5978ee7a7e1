// Monotonic time, and the calendar's. Needs libc alone.
#pragma once

#include <time.h>

#include <cstdint>

namespace inferstep {

inline std::int64_t now_ns() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}
inline std::int64_t now_ms() { return now_ns() / 1'000'000; }
inline double seconds_since(std::int64_t start_ns) { return static_cast<double>(now_ns() - start_ns) * 1e-9; }

// Seconds since 1970, for records; whoever measures uses the above.
inline double unix_now() {
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

}  // namespace inferstep
