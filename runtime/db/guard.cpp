#include "db/guard.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/page_step.hpp"
#include "core/process.hpp"
#include "core/wait.hpp"
#include "db/events.hpp"
#include "db/memory.hpp"
#include "db/node_record.hpp"
#include "db/state_dir.hpp"

namespace inferstep {
namespace {

constexpr int kEndMs = 9000;  // longer than all waits of the supervisor, shorter than slurmstepd's patience

class Guard {
   public:
    Guard(const DbOptions& options, Page& page, const StepTasks& tasks)
        : options_(options), page_(page), tasks_(tasks), id_(identity_of(&page, false)) {}
    int watch(pid_t supervisor, int life_fd);

   private:
    void forward(int signals, pid_t supervisor);
    void tell(int wait_status, bool stopping);
    void record(const std::string& what);

    const DbOptions& options_;
    Page& page_;
    const StepTasks& tasks_;
    StepIdentity id_;
    const std::uint64_t oom_kills_ = oom_kills();
};

int Guard::watch(pid_t supervisor, int life_fd) {
    prctl(PR_SET_NAME, "inferstep-guard");
    UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, supervisor, 0)));
    const Result<UniqueFd> signals = take_step_signals();
    bool stopping = false;
    bool late = false;
    for (bool ended = false; !ended && !late;) {
        pollfd fds[3] = {{process.get(), POLLIN, 0},
                         {signals ? signals->get() : -1, POLLIN, 0},
                         {stopping ? -1 : life_fd, POLLIN, 0}};  // what is in it is for the supervisor
        const int n = poll(fds, 3, stopping ? kEndMs : -1);
        ended = n > 0 && fds[0].revents != 0;
        late = n == 0;
        stopping = stopping || (n > 0 && fds[2].revents != 0);
        if (n > 0 && fds[1].revents != 0) {
            forward(signals->get(), supervisor);
        }
    }
    if (late) {
        print_error(fail("the supervisor of the databases of node {} did not end within {} ms; it is killed", id_.node,
                         kEndMs));
    }
    const int status = reap_within(supervisor, std::move(process), 0);
    if (!WIFSIGNALED(status)) {
        return WEXITSTATUS(status);
    }
    if (!late) {
        tell(status, stopping);
    }
    sweep_state_dirs(options_.statedir, id_.node);
    return 1;
}

void Guard::forward(int signals, pid_t supervisor) {
    signalfd_siginfo info{};
    if (read(signals, &info, sizeof info) == sizeof info) {
        kill(supervisor, static_cast<int>(info.ssi_signo));
    }
}

// The first to know, and maybe the only one.
void Guard::tell(int wait_status, bool stopping) {
    std::string how = describe_exit(wait_status);
    if (oom_kills() > oom_kills_) {  // with a database that is just being killed it may be the largest that is left
        how += "; the kernel killed for memory in this step";
    }
    const std::string what = fmt::format("the supervisor of the databases of node {} ended early: {}", id_.node, how);
    if (page_state(page_) == PageState::starting) {
        tell_failure(&page_, fail("the supervisor of the databases ended before they were ready ({})", how));
        return;
    }
    print_error({what + (stopping ? "" : "; they ended with it"), {}});
    record(what);
    if (!stopping) {
        tasks_.end(id_);
    }
}

// What it would have left itself, as far as that can be had.
void Guard::record(const std::string& what) {
    const std::string state = PageText(page_.state_dir).text;
    const std::string directory = record_directory(options_, id_, state);
    if (directory.empty()) {
        return;
    }
    NodeRecord record;
    record.id = id_;
    record.state = "failed";
    record.message = what;
    record.events.push_back(what);
    Status status = write_node_record(directory, record, options_, {});
    const auto count = static_cast<std::size_t>(std::clamp(page_.instance_count, 0, kMaxInstances));
    for (std::size_t i = 0; status && i < count; ++i) {
        const Result<std::string> log = read_tail(fmt::format("{}/db{}.log", state, i), kMostLog);
        status = log ? write_file(database_log(directory, id_, i), *log) : Status(log.error());
    }
    if (!status) {
        print_warning(incomplete_record(id_, status.error()));
    }
}

}  // namespace

Result<std::optional<int>> fork_guarded(const DbOptions& options, Page& page, const StepTasks& tasks, int life_fd,
                                        UniqueFd& guard) {
    guard.reset(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
    const pid_t supervisor = guard ? fork() : -1;
    if (supervisor < 0) {
        return fail("cannot fork the supervisor: {}", std::strerror(errno));
    }
    if (supervisor == 0) {
        return std::optional<int>();
    }
    return std::optional<int>(Guard(options, page, tasks).watch(supervisor, life_fd));
}

}  // namespace inferstep
