// THE fork and exec: what the program gets, and what the caller is told. The programs are looked at while they sleep.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <vector>

#include "check.hpp"
#include "core/fd.hpp"
#include "core/file.hpp"
#include "core/spawn.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

constexpr int kPatience = 10'000;  // ms until a test gives up on a process

bool ends(int pidfd) {
    pollfd p{pidfd, POLLIN, 0};
    return poll(&p, 1, kPatience) == 1;
}

bool has_children() { return waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD; }

// A spawned program and its end: killed when it still runs, reaped when it is our child.
struct Program {
    explicit Program(std::vector<const char*> words, SpawnRequest request = {}, std::vector<const char*> env = {}) {
        words.push_back(nullptr);
        env.push_back(nullptr);
        request.path = words[0];
        request.argv = const_cast<char* const*>(words.data());
        request.env = const_cast<char* const*>(env.data());
        result = spawn(request);
    }
    ~Program() {
        if (result.pidfd >= 0) {
            syscall(SYS_pidfd_send_signal, result.pidfd, SIGKILL, nullptr, 0);
            ends(result.pidfd);
            waitpid(result.pid, nullptr, 0);
            close(result.pidfd);
        }
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    std::string proc(const char* file) const { return fmt::format("/proc/{}/{}", result.pid, file); }
    // The value of a line of /proc/PID/status.
    std::string status(const std::string& key) const {
        const std::string text = "\n" + *read_file(proc("status"));
        const std::size_t at = text.find("\n" + key + ":\t");
        return at == std::string::npos
                   ? ""
                   : text.substr(at + key.size() + 3, text.find('\n', at + 1) - at - key.size() - 3);
    }
    SpawnResult result;
};

// What a program writes to its standard output until it ends.
std::string output_of(std::vector<const char*> words, std::vector<const char*> env = {}, const char* cwd = "/") {
    int ends_of_pipe[2];
    CHECK(pipe2(ends_of_pipe, O_CLOEXEC) == 0);
    const UniqueFd in(ends_of_pipe[0]);
    UniqueFd out(ends_of_pipe[1]);
    SpawnRequest request;
    request.stdout_fd = out.get();
    request.cwd = cwd;
    const Program program(std::move(words), request, std::move(env));
    CHECK_EQ(program.result.error, 0);
    out.reset();
    std::string text;
    char piece[256];
    for (ssize_t n = 0; (n = read(in.get(), piece, sizeof piece)) > 0;) {
        text.append(piece, static_cast<std::size_t>(n));
    }
    return text;
}

void environment_and_arguments_are_exact() {
    setenv("INFERSTEP_TEST_LEAK", "1", 1);
    CHECK_EQ(output_of({"/usr/bin/env"}, {"A=1", "B=two words"}), "A=1\nB=two words\n");
    CHECK_EQ(output_of({"/usr/bin/env"}), "");
    CHECK_EQ(output_of({"/bin/echo", "$HOME", "a b", "*"}), "$HOME a b *\n");
    unsetenv("INFERSTEP_TEST_LEAK");
}

void failed_exec_tells_errno() {
    const Program missing({"/nonexistent/program"});
    CHECK_EQ(missing.result.error, ENOENT);
    CHECK_EQ(missing.result.pidfd, -1);
    CHECK_EQ(Program({"/etc/passwd"}).result.error, EACCES);
    SpawnRequest nowhere;
    nowhere.cwd = "/nonexistent";
    CHECK_EQ(Program({"/bin/true"}, nowhere).result.error, ENOENT);
    SpawnRequest closed;
    const int bad_fd = 987;
    closed.pass_fds = &bad_fd;
    closed.pass_fd_count = 1;
    CHECK_EQ(Program({"/bin/true"}, closed).result.error, EBADF);
    SpawnRequest detached;
    detached.detach = true;
    CHECK_EQ(Program({"/nonexistent/program"}, detached).result.error, ENOENT);
    CHECK(!has_children());
}

void descriptors_are_exact() {
    const UniqueFd leak(open("/dev/zero", O_RDONLY));  // without CLOEXEC, as a careless library would
    const UniqueFd leak_high(fcntl(leak.get(), F_DUPFD, 300));
    const UniqueFd zero(open("/dev/zero", O_RDONLY | O_CLOEXEC));
    const UniqueFd full(open("/dev/full", O_RDWR | O_CLOEXEC));
    CHECK(leak && leak_high && zero && full);
    // Given in falling order, so that a naive dup2 would overwrite one with the other.
    const int pass[] = {std::max(zero.get(), full.get()), std::min(zero.get(), full.get())};
    SpawnRequest request;
    request.pass_fds = pass;
    request.pass_fd_count = 2;
    request.stderr_fd = zero.get();
    const Program program({"/bin/sleep", "60"}, request);
    if (!CHECK_EQ(program.result.error, 0)) {
        return;
    }
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(program.proc("fd"))) {
        found.push_back(entry.path().filename().string() + " " + std::filesystem::read_symlink(entry).string());
    }
    std::sort(found.begin(), found.end());
    CHECK_EQ(fmt::format("{}", fmt::join(found, ", ")),
             "0 /dev/null, 1 /dev/null, 2 /dev/zero, 3 /dev/full, 4 /dev/zero");
}

void program_starts_clean() {
    sigset_t blocked;
    sigset_t old;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &old);
    const auto old_pipe = std::signal(SIGPIPE, SIG_IGN);
    const mode_t old_mask = umask(022);
    SpawnRequest request;
    request.new_session = true;
    const Program program({"/bin/sleep", "60"}, request);
    umask(old_mask);
    std::signal(SIGPIPE, old_pipe);
    sigprocmask(SIG_SETMASK, &old, nullptr);
    if (!CHECK_EQ(program.result.error, 0)) {
        return;
    }
    CHECK_EQ(program.status("SigBlk"), "0000000000000000");
    // Signals 32 and 33 are glibc's own: its posix_spawn, which make uses, starts every program with them ignored, and
    // glibc lets nobody set them back.
    const unsigned long ignored = std::stoul(program.status("SigIgn"), nullptr, 16);
    CHECK_EQ(ignored & ~0x180000000UL, 0UL);
    CHECK_EQ(program.status("Umask"), "0077");
    CHECK_EQ(std::filesystem::read_symlink(program.proc("cwd")).string(), "/");
    CHECK_EQ(getsid(program.result.pid), program.result.pid);
    CHECK_EQ(program.status("PPid"), fmt::format("{}", getpid()));
    CHECK_EQ(output_of({"/bin/pwd"}, {}, "/usr"), "/usr\n");
}

void detached_program_is_no_child() {
    SpawnRequest request;
    request.detach = true;
    const Program program({"/bin/sleep", "60"}, request);
    CHECK_EQ(program.result.error, 0);
    CHECK(!has_children());
    CHECK(program.status("PPid") != fmt::format("{}", getpid()));
    CHECK_EQ(program.status("Name"), "sleep");
}

// A process between us and the program: it spawns, tells the pid, and ends when it reads a byte.
void program_dies_with_its_parent() {
    int up[2];
    int down[2];
    if (!CHECK(pipe2(up, O_CLOEXEC) == 0 && pipe2(down, O_CLOEXEC) == 0)) {
        return;
    }
    const pid_t between = fork();
    if (between == 0) {
        SpawnRequest request;
        char path[] = "/bin/sleep";
        char seconds[] = "60";
        char* argv[] = {path, seconds, nullptr};
        char* env[] = {nullptr};
        request.path = path;
        request.argv = argv;
        request.env = env;
        request.die_with_parent = true;
        const pid_t pid = spawn(request).pid;
        char byte = 0;
        const bool told = write(up[1], &pid, sizeof pid) == sizeof pid && read(down[0], &byte, 1) == 1;
        _exit(told ? 0 : 1);
    }
    pid_t pid = -1;
    CHECK(read(up[0], &pid, sizeof pid) == sizeof pid);
    const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    CHECK(static_cast<bool>(pidfd));
    CHECK(write(down[1], "x", 1) == 1);
    CHECK(ends(pidfd.get()));
    int status = -1;
    CHECK(waitpid(between, &status, 0) == between && status == 0);
    for (const int fd : {up[0], up[1], down[0], down[1]}) {
        close(fd);
    }
}

void program_of_another_user_cannot_return() {
    if (getuid() != 0) {
        return;  // only root can become somebody else
    }
    const SpawnUser nobody{65534, 65534};
    SpawnRequest request;
    request.user = &nobody;
    const Program program({"/bin/sleep", "60"}, request);
    CHECK_EQ(program.result.error, 0);
    CHECK_EQ(program.status("Uid"), "65534\t65534\t65534\t65534");
    CHECK_EQ(program.status("Gid"), "65534\t65534\t65534\t65534");
    CHECK_EQ(program.status("Groups"), "65534 ");
    CHECK_EQ(program.status("CapEff"), "0000000000000000");
    CHECK_EQ(program.status("CapPrm"), "0000000000000000");
    CHECK_EQ(program.status("NoNewPrivs"), "1");
    CHECK_EQ(*read_file(program.proc("oom_score_adj")), "0\n");
    const std::string limits = *read_file(program.proc("limits"));
    for (const char* name :
         {"Max processes             0                    0 ", "Max core file size        0                    0 "}) {
        CHECK(limits.find(name) != std::string::npos);
    }
}

CU_TestInfo kTests[] = {
    {"environment and arguments are exact", environment_and_arguments_are_exact},
    {"a failed exec tells its errno and leaves no child", failed_exec_tells_errno},
    {"the program has exactly the descriptors it was given", descriptors_are_exact},
    {"the program starts with clean signals, umask and session", program_starts_clean},
    {"a detached program is nobody's child here", detached_program_is_no_child},
    {"a program dies with its parent when asked to", program_dies_with_its_parent},
    {"S2: a program of another user cannot return, nor start another", program_of_another_user_cannot_return},
    CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kSpawnSuite = suite("core spawn", kTests);

}  // namespace inferstep::test
