// Waiting for one file descriptor, bounded, whatever signals come. Needs libc alone.
#pragma once

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdint>

#include "core/clock.hpp"
#include "core/fd.hpp"

namespace inferstep {

// The events of poll(2) that came within the limit, 0 when none did. POLLERR and POLLHUP come unasked.
inline short wait_events(int fd, short events, int limit_ms) {
    const std::int64_t end = now_ms() + limit_ms;
    for (std::int64_t left = limit_ms; left >= 0; left = end - now_ms()) {
        pollfd watched{fd, events, 0};
        if (poll(&watched, 1, static_cast<int>(left)) > 0) {
            return watched.revents;
        }
        if (left == 0) {
            break;
        }
    }
    return 0;
}

// Has the process of this pidfd ended, at most so much later?
inline bool wait_exit(int pidfd, int limit_ms) { return (wait_events(pidfd, POLLIN, limit_ms) & POLLIN) != 0; }

// Collect a child of ours, by its pidfd, which is closed. It is killed when it has not ended within the limit. Returns
// its wait status.
inline int reap_within(pid_t child, UniqueFd pidfd, int limit_ms) {
    int status = 0;
    if (!wait_exit(pidfd.get(), limit_ms)) {
        kill(child, SIGKILL);  // not waited for yet: the number is still its own
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

}  // namespace inferstep
