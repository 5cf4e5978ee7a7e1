// Starting scripts, finding those of an earlier driver, and telling them to end.
#include "sweep/runner_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/clock.hpp"
#include "core/file_lock.hpp"
#include "core/process.hpp"
#include "core/spawn.hpp"
#include "core/step.hpp"
#include "core/words.hpp"
#include "sweep/point_folder.hpp"

namespace inferstep::sweep {
namespace {

constexpr int kDrainMs = 50;  // between two looks at what a script left behind

}  // namespace

std::optional<Places> ProcessRunner::place(const Point& point) {
    if (full()) {
        return std::nullopt;
    }
    if (job_.empty()) {
        return Places{};
    }
    const Result<Wish> wish = wish_of(point);
    return wish ? placer_.take(*wish) : std::nullopt;
}

Result<std::string> ProcessRunner::start(const Point& point, const std::string& directory, const Places& places) {
    const std::string log = directory + "/" + kScriptLog;
    const UniqueFd out(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    // As long as the script lives its log is locked: so a later driver knows.
    const Result<bool> locked = out ? lock_open_file(out.get(), log) : Result<bool>(false);
    std::vector<std::string> words = {"bash", directory + "/" + kScriptFile};
    const Result<std::string> bash = find_program(words[0]);
    if (!out || !bash) {
        return out ? bash.error() : fail("cannot create {}: {}", log, std::strerror(errno));
    }
    std::vector<char*> argv = as_argv(words);
    SpawnRequest request;
    request.path = bash->c_str();
    request.argv = argv.data();
    request.env = environ;
    request.stdout_fd = request.stderr_fd = out.get();
    request.cwd = nullptr;
    request.new_session = true;
    request.keep_umask = true;
    SpawnResult started = spawn(request);
    if (started.error != 0) {
        return fail("cannot run {}: {}", *bash, std::strerror(started.error));
    }
    Script script;
    script.id = point.id;
    script.directory = directory;
    script.places = places;
    script.pid = started.pid;
    script.pidfd.reset(started.pidfd);
    script.began_ms = now_ms();
    scripts_.push_back(std::move(script));
    return job_;
}

Result<bool> ProcessRunner::adopt(const Point& point, const std::string& directory, const PointState& state) {
    if (!script_runs(directory)) {
        return false;
    }
    Script script;
    script.pid = find_script(directory);
    script.pidfd.reset(script.pid > 0 ? static_cast<int>(syscall(SYS_pidfd_open, script.pid, 0)) : -1);
    if (!script.pidfd) {
        if (!script_runs(directory)) {
            return false;
        }
        return with_hint(fail("the script of point {} still runs, but not on {}", point.id, host_name()),
                         "go on there, or wait until it has ended");
    }
    script.id = point.id;
    script.directory = directory;
    script.ours = false;
    script.began_ms = now_ms() - static_cast<std::int64_t>(std::clamp(unix_now() - state.begin, 0.0, 1e9) * 1000);
    script.places.step = split(state.nodes, ',');
    placer_.reserve(script.places.step);
    scripts_.push_back(std::move(script));
    return true;
}

void ProcessRunner::watch(std::vector<pollfd>& fds) const {
    for (const Script& script : scripts_) {
        fds.push_back({script.ended ? -1 : script.pidfd.get(), POLLIN, 0});
    }
}

int ProcessRunner::patience() const {
    std::int64_t next = -1;
    for (const Script& script : scripts_) {
        if (script.ended) {
            return kDrainMs;
        }
        if (script.killed_at_ms != 0 && !script.killed) {
            const std::int64_t left = std::max<std::int64_t>(script.killed_at_ms - now_ms(), 0);
            next = next < 0 ? left : std::min(next, left);
        }
    }
    return static_cast<int>(next);
}

void ProcessRunner::stop(const std::string& id, bool hard) {
    for (Script& script : scripts_) {
        if (script.id != id || script.killed) {
            continue;
        }
        if (hard) {
            kill_script(script);
        } else if (script.killed_at_ms == 0) {
            // Its script ends the step first and then itself.
            syscall(SYS_pidfd_send_signal, script.pidfd.get(), SIGTERM, nullptr, 0);
            script.killed_at_ms = now_ms() + kGraceMs;
        }
    }
}

std::optional<std::int64_t> ProcessRunner::began_ms(const std::string& id) const {
    for (const Script& script : scripts_) {
        if (script.id == id) {
            return script.began_ms;
        }
    }
    return std::nullopt;
}

std::unique_ptr<Runner> process_runner(const std::string& job, const std::vector<std::string>& nodes, int parallel) {
    return std::make_unique<ProcessRunner>(job, nodes, parallel);
}

}  // namespace inferstep::sweep
