// What the transports have in common: how long they spin, what they count, and what they say when the other end is
// lost.
#pragma once

#include <cstdint>
#include <cstring>

#include "comm/link_make.hpp"
#include "core/clock.hpp"

namespace inferstep::comm {

// Spinning, for some tens of microseconds from its first call.
class Patience {
   public:
    // False: it is time to sleep.
    bool spin() {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
        if (++looks_ % kLooksPerClock != 1) {
            return true;
        }
        const std::int64_t now = now_ns();
        end_ = end_ == 0 ? now + kSpinNs : end_;
        return now < end_;
    }

   private:
    static constexpr std::int64_t kSpinNs = 40'000;
    static constexpr unsigned kLooksPerClock = 16;
    std::int64_t end_ = 0;
    unsigned looks_ = 0;
};

inline void count(LinkCounters& counters, std::size_t bytes, std::int64_t start_ns) {
    ++counters.messages;
    counters.bytes += bytes;
    counters.seconds += seconds_since(start_ns);
}

inline Error lost(const LinkEnd& end, int error) {
    return fail("rank {} on node {} (process {}) closed its end of the link{}", end.other(), end.peer().node,
                end.peer().pid, error != 0 ? fmt::format(": {}", std::strerror(error)) : "");
}

inline Error wrong_length(const LinkEnd& end, std::uint64_t sent, std::size_t expected) {
    return fail("rank {} on node {} sends a message of {} bytes where {} are expected", end.other(), end.peer().node,
                sent, expected);
}

}  // namespace inferstep::comm
