#include "db/leftovers.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/fd.hpp"
#include "core/file.hpp"
#include "core/wait.hpp"
#include "core/words.hpp"

namespace inferstep {
namespace {

constexpr int kLimitMs = 2000;
constexpr int kSupervisorLimitMs = 1000;

std::vector<pid_t> children() {
    std::vector<pid_t> pids;
    const Result<std::string> text = read_file(fmt::format("/proc/self/task/{}/children", getpid()));
    for (const std::string& word : split(text ? *text : "", ' ')) {
        pid_t pid = 0;
        if (std::from_chars(word.data(), word.data() + word.size(), pid).ec == std::errc{}) {
            pids.push_back(pid);
        }
    }
    return pids;
}

}  // namespace

void adopt_orphans() { prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

void end_leftovers(pid_t spared) {
    for (const std::int64_t end = now_ms() + kLimitMs; now_ms() < end;) {
        std::vector<pid_t> left = children();
        std::erase(left, spared);
        if (left.empty()) {
            return;
        }
        for (const pid_t pid : left) {
            kill(pid, SIGKILL);  // our child, not reaped yet: the pid is still its own
        }
        bool reaped = false;
        for (const pid_t pid : left) {
            reaped = waitpid(pid, nullptr, WNOHANG) == pid || reaped;
        }
        if (!reaped) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
}

void end_supervisor(pid_t pid) {
    const UniqueFd process(pid > 1 ? static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) : -1);
    const Result<std::string> name = read_file(fmt::format("/proc/{}/comm", pid));
    // Named first and then seen alive: the number was not given to another process in between.
    if (process && name && name->starts_with("inferstep") && !wait_exit(process.get(), 0)) {
        syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
        wait_exit(process.get(), kSupervisorLimitMs);
    }
}

}  // namespace inferstep
