#include "db/local_task.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/log.hpp"
#include "core/page_step.hpp"
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

// False: the page gives this task no database.
bool set_environment(const Page& page, std::uint32_t rank) {
    const auto set = [](const char* name, const char* value, bool replace) { setenv(name, value, replace ? 1 : 0); };
    set("INFER_RANK", std::to_string(rank).c_str(), true);
    set("INFER_RANKS", std::to_string(page.task_count).c_str(), true);
    set("INFER_RUN_ID", std::to_string(page.step_id).c_str(), true);
    return page.instance_count == 0 || for_each_variable(page, page.tasks[rank], set);
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
    if (!set_environment(page, rank)) {
        print_error(fail("task {} is given database {}, which there is not", rank, task.instance));
        _exit(1);
    }
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

Result<LocalTask> fork_task(MappedPage& page, std::uint32_t rank, const std::string& program,
                            std::vector<std::string> arguments) {
    const pid_t parent = getpid();
    LocalTask task;
    task.pid = fork();
    if (task.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {  // it died between fork and prctl
            _exit(1);
        }
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
