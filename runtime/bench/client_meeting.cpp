#include "bench/client_meeting.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <functional>

#include "core/clock.hpp"
#include "core/fd.hpp"

namespace inferstep {

NodeMeeting::NodeMeeting(std::string directory, const StepIdentity& id, const std::string& purpose)
    : prefix_(directory.empty() ? "" : fmt::format("{}/at-{:016x}.", directory, std::hash<std::string>()(purpose))),
      local_rank_(id.local_rank),
      local_ranks_(id.local_ranks) {}

void NodeMeeting::arrive() {
    if (!arrived_ && !prefix_.empty()) {
        const std::string path = fmt::format("{}{}", prefix_, local_rank_);
        const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    arrived_ = true;
}

bool NodeMeeting::wait(double timeout_s) {
    arrive();
    if (prefix_.empty()) {
        return true;
    }
    const std::int64_t start = now_ns();
    for (int next = 0; next < local_ranks_;) {
        if (access(fmt::format("{}{}", prefix_, next).c_str(), F_OK) == 0) {
            ++next;
        } else if (seconds_since(start) > timeout_s) {
            return false;
        } else {
            usleep(2'000);
        }
    }
    return true;
}

}  // namespace inferstep
