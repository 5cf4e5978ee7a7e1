#include "db/events.hpp"

#include <poll.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <cstring>

namespace inferstep {

sigset_t step_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int s : {SIGTERM, SIGINT, SIGHUP}) {
        sigaddset(&set, s);
    }
    return set;
}

Result<UniqueFd> take_step_signals() {
    const sigset_t set = step_signals();
    UniqueFd fd(sigprocmask(SIG_BLOCK, &set, nullptr) == 0 ? signalfd(-1, &set, SFD_CLOEXEC) : -1);
    if (!fd) {
        return fail("cannot wait for signals: {}", std::strerror(errno));
    }
    return fd;
}

Result<Events> Events::create(UniqueFd life_fd) {
    Result<UniqueFd> signals = take_step_signals();
    if (!signals) {
        return signals.error();
    }
    return Events(std::move(life_fd), std::move(*signals));
}

std::vector<int> Events::wait(const std::vector<int>& fds, int timeout_ms) {
    std::vector<pollfd> all = {{life_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
    for (const int fd : fds) {
        all.push_back({fd, POLLIN, 0});
    }
    std::vector<int> ready;
    if (stopped() || poll(all.data(), all.size(), timeout_ms) < 1) {
        return ready;
    }
    if (all[0].revents != 0) {
        char byte = 0;
        reason_ = read(life_.get(), &byte, 1) == 1 ? "the last task has ended" : "whoever started the step is gone";
    } else if (all[1].revents != 0) {
        signalfd_siginfo info{};
        const bool known = read(signals_.get(), &info, sizeof info) == sizeof info;
        reason_ = known ? strsignal(static_cast<int>(info.ssi_signo)) : "a signal";
    }
    for (std::size_t i = 2; i < all.size(); ++i) {
        if (all[i].revents != 0) {
            ready.push_back(all[i].fd);
        }
    }
    return ready;
}

}  // namespace inferstep
