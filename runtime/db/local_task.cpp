#include "db/local_task.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/log.hpp"
#include "core/process.hpp"
#include "db/events.hpp"

namespace inferstep {
namespace {

constexpr int kCannotExecute = 126;  // as shells have it

// As we found them: what the user's shell ignores (nohup) the task ignores too. SIGPIPE alone is ignored by ourselves.
void restore_signals() {
    const sigset_t taken = step_signals();
    sigprocmask(SIG_UNBLOCK, &taken, nullptr);
    signal(SIGPIPE, SIG_DFL);
}

void set_environment(const Page& page, std::uint32_t rank) {
    const auto set = [](const char* name, const std::string& value, bool replace = true) {
        setenv(name, value.c_str(), replace ? 1 : 0);
    };
    set("INFER_RANK", std::to_string(rank));
    set("INFER_RANKS", std::to_string(page.task_count));
    set("INFER_RUN_ID", std::to_string(page.step_id));
    if (page.instance_count == 0) {
        return;
    }
    const std::int32_t instance = std::clamp(page.tasks[rank].instance, 0, page.instance_count - 1);
    set("SSDB", page.instances[instance].endpoint);
    set("SR_DB_TYPE", "Standalone");            // else a SmartRedis client takes it for a cluster
    set("SR_SOCKET_TIMEOUT", "600000", false);  // its own 250 ms let it send a slow request 101 times
    set("INFER_STATE_DIR", page.state_dir);
    set("INFER_INSTANCE", std::to_string(instance));
}

[[noreturn]] void become_task(Page& page, std::uint32_t rank, const std::string& program,
                              std::vector<std::string>& arguments) {
    if (rank > 0) {  // standard input is the first task's
        const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        dup2(null, STDIN_FILENO);
    }
    while (page_state(page) == PageState::starting) {
        page_wait(page, PageState::starting, 500);
    }
    const PageTask& task = page.tasks[rank];
    if (page_state(page) == PageState::failed) {
        _exit(1);  // the parent says why
    }
    if (page.instance_count > 0 && !(task.before == task.after) && !set_affinity(0, task.after)) {
        print_error(fail("task {} cannot move to its CPUs: {}", rank, std::strerror(errno)));
        _exit(1);
    }
    set_environment(page, rank);
    execv(program.c_str(), as_argv(arguments).data());
    print_error(fail("cannot execute {}: {}", program, std::strerror(errno)));
    _exit(kCannotExecute);
}

}  // namespace

void LocalTask::reap() {
    while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
    }
    pidfd.reset();
}

int LocalTask::exit_code() const {
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

Result<LocalTask> fork_task(MappedPage& page, std::uint32_t rank, int life_fd, const std::string& program,
                            std::vector<std::string> arguments) {
    const pid_t parent = getpid();
    LocalTask task;
    task.pid = fork();
    if (task.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {  // it died between fork and prctl
            _exit(1);
        }
        close(life_fd);
        restore_signals();
        become_task(*page, rank, program, arguments);
    }
    if (task.pid < 0) {
        return fail("cannot fork task {}: {}", rank, std::strerror(errno));
    }
    page->tasks[rank].pid = task.pid;
    task.pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, task.pid, 0)));
    if (!task.pidfd) {
        return fail("cannot watch task {}: {}", rank, std::strerror(errno));
    }
    return task;
}

}  // namespace inferstep
