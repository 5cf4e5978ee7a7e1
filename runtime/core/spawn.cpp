#include "core/spawn.hpp"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace inferstep {
namespace {

constexpr int kFirstPassed = 3;
constexpr int kParking = 200;  // above every fd number that we hand out

// Write a whole word into the report pipe: the pid first, then, only if something failed, its errno.
void report(int pipe_fd, int word) {
    while (write(pipe_fd, &word, sizeof word) < 0 && errno == EINTR) {
    }
}

[[noreturn]] void give_up(int pipe_fd) {
    report(pipe_fd, errno);
    _exit(127);
}

void default_signals() {
    for (int s = 1; s < NSIG; ++s) {
        signal(s, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Put every fd that the program gets on its number. They are parked high first, so that no move overwrites a source.
int arrange_fds(const SpawnRequest& r, int pipe_fd) {
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) {
        give_up(pipe_fd);
    }
    const int std_fds[3] = {r.stdin_fd, r.stdout_fd, r.stderr_fd};
    const int total = kFirstPassed + r.pass_fd_count;
    int parked = fcntl(pipe_fd, F_DUPFD_CLOEXEC, kParking);
    if (parked < 0) {
        errno = errno == EINVAL ? EMFILE : errno;  // ulimit -n is lower than that
        give_up(pipe_fd);
    }
    int high[kFirstPassed + 16];
    for (int i = 0; i < total; ++i) {
        const int from = i < kFirstPassed ? (std_fds[i] < 0 ? null : std_fds[i]) : r.pass_fds[i - kFirstPassed];
        high[i] = fcntl(from, F_DUPFD_CLOEXEC, kParking + 1);
        if (high[i] < 0) {
            give_up(parked);
        }
    }
    for (int i = 0; i < total; ++i) {
        if (dup2(high[i], i) < 0) {
            give_up(parked);
        }
    }
    const int report_at = total;
    dup2(parked, report_at);
    fcntl(report_at, F_SETFD, FD_CLOEXEC);
    syscall(SYS_close_range, static_cast<unsigned>(report_at) + 1, ~0U, 0U);
    return report_at;
}

// slurmstepd is spared by the out-of-memory killer; what it starts for a user is not.
bool lose_protection() {
    const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    const bool done = fd >= 0 && write(fd, "0", 1) == 1;
    close(fd);
    return done;
}

// False unless every privilege is gone: a program of the user's must not find a way back to root. The limit on
// processes comes last: with it in force a change of the user would make the exec fail.
bool become_user(const SpawnUser& user) {
    const rlimit nothing{0, 0};
    return lose_protection() && setgroups(1, &user.gid) == 0 && setresgid(user.gid, user.gid, user.gid) == 0 &&
           setresuid(user.uid, user.uid, user.uid) == 0 && (user.uid == 0 || setuid(0) != 0) &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &nothing) == 0 &&
           setrlimit(RLIMIT_NPROC, &nothing) == 0;
}

[[noreturn]] void become(const SpawnRequest& r, int pipe_fd, pid_t parent) {
    if (r.new_session) {
        setsid();
    }
    report(pipe_fd, getpid());
    if (r.die_with_parent) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {  // it died between fork and prctl
            _exit(127);
        }
    }
    const int out = arrange_fds(r, pipe_fd);
    default_signals();
    if (!r.keep_umask) {
        umask(077);
    }
    if (r.user != nullptr && !become_user(*r.user)) {
        give_up(out);
    }
    if ((r.cwd != nullptr && chdir(r.cwd) != 0) || (r.cpus != nullptr && !set_affinity(0, *r.cpus))) {
        give_up(out);
    }
    execve(r.path, r.argv, r.env);
    give_up(out);
}

bool read_word(int fd, int& word) {
    ssize_t n = 0;
    do {
        n = read(fd, &word, sizeof word);
    } while (n < 0 && errno == EINTR);
    return n == static_cast<ssize_t>(sizeof word);
}

}  // namespace

SpawnResult spawn(const SpawnRequest& request) {
    SpawnResult result;
    int ends[2];
    if (request.pass_fd_count > 16 || pipe2(ends, O_CLOEXEC) != 0) {
        result.error = request.pass_fd_count > 16 ? E2BIG : errno;
        return result;
    }
    const pid_t self = getpid();
    const pid_t child = fork();
    if (child == 0) {
        if (request.detach) {
            const pid_t grandchild = fork();
            if (grandchild != 0) {
                if (grandchild < 0) {
                    report(ends[1], 0);
                    report(ends[1], errno);
                }
                _exit(0);
            }
        }
        become(request, ends[1], self);
    }
    const int fork_error = errno;
    close(ends[1]);
    int pid = -1;
    int error = 0;
    if (child < 0) {
        result.error = fork_error;
    } else if (!read_word(ends[0], pid)) {
        result.error = ECHILD;
    } else {
        result.pid = pid;
        result.pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));  // pidfds are always CLOEXEC
        if (read_word(ends[0], error)) {
            result.error = error;
        }
    }
    close(ends[0]);
    if (child > 0 && (request.detach || result.error != 0)) {
        while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
    if (result.error != 0 && result.pidfd >= 0) {
        close(result.pidfd);
        result.pidfd = -1;
    }
    return result;
}

}  // namespace inferstep
