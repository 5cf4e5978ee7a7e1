#include "db/leftovers.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/words.hpp"

namespace inferstep {
namespace {

constexpr int kLimitMs = 2000;

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

}  // namespace inferstep
