#include "core/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/clock.hpp"
#include "core/fd.hpp"
#include "core/file.hpp"
#include "core/spawn.hpp"
#include "core/words.hpp"

namespace inferstep {
namespace {

bool is_executable(const std::string& path) {
    struct stat st {};
    return stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && access(path.c_str(), X_OK) == 0;
}

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};

Result<Pipe> make_pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return fail("cannot make a pipe: {}", std::strerror(errno));
    }
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Move what is there from `from` into `to`; closes `from` at its end.
void drain(UniqueFd& from, std::string& to) {
    std::array<char, 65536> chunk;
    const ssize_t n = read(from.get(), chunk.data(), chunk.size());
    if (n > 0) {
        to.append(chunk.data(), static_cast<std::size_t>(n));
    } else if (n == 0 || errno != EINTR) {
        from.reset();
    }
}

// True when the program closed both pipes and ended before the deadline.
bool collect(UniqueFd& out, UniqueFd& err, int pidfd, Captured& captured, std::int64_t deadline_ms) {
    for (bool ended = false; out || err || !ended;) {
        const std::int64_t left = deadline_ms - now_ms();
        if (left <= 0) {
            return false;
        }
        // A negative fd is skipped. The end of the program matters once its pipes are drained.
        pollfd fds[3] = {{out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}, {out || err ? -1 : pidfd, POLLIN, 0}};
        if (poll(fds, 3, static_cast<int>(left)) < 1) {
            continue;
        }
        ended = fds[2].revents != 0;
        if (fds[0].revents != 0) {
            drain(out, captured.out);
        }
        if (fds[1].revents != 0) {
            drain(err, captured.err);
        }
    }
    return true;
}

}  // namespace

Result<std::string> find_program(const std::string& name) {
    if (name.find('/') != std::string::npos) {
        return is_executable(name) ? Result<std::string>(absolute_path(name))
                                   : fail("{} is not a program that can be executed", name);
    }
    const char* variable = std::getenv("PATH");
    const std::string path = std::string(variable != nullptr ? variable : "") + ":/usr/bin";
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find(':', begin), path.size());
        const std::string candidate = path.substr(begin, end - begin) + "/" + name;
        if (end > begin && is_executable(candidate)) {
            return absolute_path(candidate);
        }
        begin = end + 1;
    }
    return fail("there is no program '{}' in PATH", name);
}

Result<Captured> run_capture(const std::vector<std::string>& argv, int timeout_ms) {
    std::vector<std::string> words = argv;
    Result<std::string> path = find_program(words.at(0));
    if (!path) {
        return path.error();
    }
    Result<Pipe> out = make_pipe();
    Result<Pipe> err = make_pipe();
    if (!out || !err) {
        return (out ? err : out).error();
    }
    SpawnRequest request;
    request.path = path->c_str();
    std::vector<char*> pointers = as_argv(words);
    request.argv = pointers.data();
    request.env = environ;
    request.stdout_fd = out->write_end.get();
    request.stderr_fd = err->write_end.get();
    request.cwd = nullptr;
    request.die_with_parent = true;
    const SpawnResult started = spawn(request);
    const UniqueFd pidfd(started.pidfd);
    if (started.error != 0) {
        return fail("cannot run {}: {}", *path, std::strerror(started.error));
    }
    out->write_end.reset();
    err->write_end.reset();
    Captured captured;
    const bool in_time = collect(out->read_end, err->read_end, pidfd.get(), captured, now_ms() + timeout_ms);
    if (!in_time) {
        kill(started.pid, SIGKILL);
    }
    int status = 0;
    while (waitpid(started.pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!in_time) {
        return fail("{} gave no answer within {} ms", *path, timeout_ms);
    }
    captured.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return captured;
}

std::vector<std::string> own_command() {
    const auto text = read_file("/proc/self/cmdline");
    std::vector<std::string> words = text ? split(*text, '\0') : std::vector<std::string>{};
    if (!words.empty() && words.back().empty()) {
        words.pop_back();  // the last word, too, ends in NUL
    }
    return words;
}

std::string describe_exit(int wait_status) {
    if (WIFSIGNALED(wait_status)) {
        return fmt::format("signal {} ({})", WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    }
    return fmt::format("exit code {}", WEXITSTATUS(wait_status));
}

std::vector<char*> as_argv(std::vector<std::string>& words) {
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace inferstep
