#include "sweep/prepare.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/process.hpp"
#include "core/shell.hpp"
#include "core/spawn.hpp"
#include "core/wait.hpp"
#include "sweep/matrix.hpp"

namespace inferstep::sweep {
namespace {

constexpr const char* kPrepareLog = "prepare.log";
constexpr int kGraceMs = 10'000;

// Ours, with the battery's on top.
std::vector<std::string> environment_of(const Battery& battery) {
    std::vector<std::string> all;
    for (const auto& [name, value] : battery.environment) {
        all.push_back(fmt::format("{}={}", name, value));
    }
    for (char** one = environ; *one != nullptr; ++one) {
        all.emplace_back(*one);  // of two of a name the first counts
    }
    return all;
}

// Returns the wait status; `signal` is set when one came.
int wait_for(const SpawnResult& started, const UniqueFd& signals, int& signal) {
    UniqueFd pidfd(started.pidfd);
    pollfd fds[2] = {{signals.get(), POLLIN, 0}, {pidfd.get(), POLLIN, 0}};
    while (fds[1].revents == 0) {
        if (poll(fds, 2, -1) < 1 || fds[0].revents == 0) {
            continue;
        }
        signalfd_siginfo info{};
        if (read(signals.get(), &info, sizeof info) == sizeof info) {
            signal = static_cast<int>(info.ssi_signo);
            kill(-started.pid, SIGTERM);
            const int status = reap_within(started.pid, std::move(pidfd), kGraceMs);
            kill(-started.pid, SIGKILL);
            return status;
        }
    }
    return reap_within(started.pid, std::move(pidfd), kGraceMs);
}

Result<int> run_one(const Battery& battery, std::vector<std::string> words, const UniqueFd& log,
                    const UniqueFd& signals) {
    const bool relative = words[0].find('/') != std::string::npos;
    const Result<std::string> program =
        find_program(relative ? (std::filesystem::path(battery.folder) / words[0]).string() : words[0]);
    if (!program) {
        return program.error();
    }
    const std::string shown = shell_words(words);
    std::vector<std::string> environment = environment_of(battery);
    std::vector<char*> argv = as_argv(words);
    std::vector<char*> env = as_argv(environment);
    SpawnRequest request;
    request.path = program->c_str();
    request.argv = argv.data();
    request.env = env.data();
    request.stdout_fd = request.stderr_fd = log.get();
    request.cwd = battery.folder.c_str();
    request.new_session = true;
    request.keep_umask = true;
    const SpawnResult started = spawn(request);
    if (started.error != 0) {
        return fail("cannot run '{}': {}", shown, std::strerror(started.error));
    }
    int signal = 0;
    const int status = wait_for(started, signals, signal);
    if (signal == 0 && status != 0) {
        return fail("the command '{}' of prepare failed: {}", shown, describe_exit(status));
    }
    return signal;
}

}  // namespace

Result<int> run_prepare(const Battery& battery, const std::string& run, const UniqueFd& signals) {
    const std::string path = run + "/" + kPrepareLog;
    const UniqueFd log(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (!log) {
        return fail("cannot create {}: {}", path, std::strerror(errno));
    }
    for (const std::vector<std::string>& words : prepare_commands(battery, run)) {
        if (words.empty()) {
            continue;
        }
        Result<int> signal = run_one(battery, words, log, signals);
        if (!signal) {
            return with_hint(signal.error(), "what it printed is in " + path);
        }
        if (*signal != 0) {
            return signal;
        }
    }
    return 0;
}

}  // namespace inferstep::sweep
