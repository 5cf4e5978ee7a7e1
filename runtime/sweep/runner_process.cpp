// Points as processes of ours: their scripts are started, waited for and, where need be, ended here.
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/clock.hpp"
#include "core/fd.hpp"
#include "core/file_lock.hpp"
#include "core/process.hpp"
#include "core/spawn.hpp"
#include "core/step.hpp"
#include "core/wait.hpp"
#include "core/words.hpp"
#include "db/leftovers.hpp"
#include "sweep/allocation.hpp"
#include "sweep/point_folder.hpp"
#include "sweep/runner.hpp"

namespace inferstep::sweep {
namespace {

constexpr int kGraceMs = 5'000;  // between the polite signal and the other one
constexpr int kDrainMs = 50;     // between two looks at what a script left behind

// One script. It leads a session of its own, so that a signal reaches all that it started.
struct Script {
    std::string id;
    std::string directory;
    Places places;
    pid_t pid = -1;
    UniqueFd pidfd;
    bool ours = true;    // our child; else an earlier driver's
    bool ended = false;  // and collected; others of its session may still be there
    int status = 0;
    std::int64_t began_ms = 0;
    std::int64_t killed_at_ms = 0;  // when patience with it ends; 0: it was not asked to end
    bool killed = false;
};

class ProcessRunner final : public Runner {
   public:
    ProcessRunner(std::string job, const std::vector<std::string>& nodes, int parallel)
        : job_(std::move(job)), placer_(nodes), parallel_(job_.empty() ? 1 : parallel) {
        adopt_orphans();
    }

    bool full() const override {
        return (parallel_ > 0 && static_cast<int>(scripts_.size()) >= parallel_) || (!job_.empty() && placer_.full());
    }
    std::optional<Places> place(const Point& point) override;
    void give_back(const Places& places) override { placer_.give_back(places); }
    Result<std::string> start(const Point& point, const std::string& directory, const Places& places) override;
    Result<bool> adopt(const Point& point, const std::string& directory, const PointState& state) override;
    void watch(std::vector<pollfd>& fds) const override;
    int patience() const override;
    std::vector<Finished> look() override;
    void stop(const std::string& id, bool hard) override;
    std::optional<std::int64_t> began_ms(const std::string& id) const override;
    std::string over() const override { return over_; }

   private:
    void reap(Script& script);
    bool drained(Script& script);
    void finish(Script& script);
    Finished outcome(const Script& script);
    void blame_the_allocation(Finished& finished, const Script& script);
    void kill_script(Script& script);

    std::string job_;
    Placer placer_;
    int parallel_;
    std::vector<Script> scripts_;
    std::string over_;
};

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

void ProcessRunner::reap(Script& script) {
    if (script.ended || !wait_exit(script.pidfd.get(), 0)) {
        return;
    }
    script.ended = true;
    if (script.ours) {
        while (waitpid(script.pid, &script.status, 0) < 0 && errno == EINTR) {
        }
    }
}

// Whatever of its session is left when the script has ended has no business on the nodes of the next point.
bool ProcessRunner::drained(Script& script) {
    while (waitpid(-script.pid, nullptr, WNOHANG) > 0) {
    }
    if (kill(-script.pid, 0) != 0) {
        return true;
    }
    if (script.killed_at_ms == 0) {
        kill(-script.pid, SIGTERM);
        script.killed_at_ms = now_ms() + kGraceMs;
    } else if (now_ms() >= script.killed_at_ms && !script.killed) {
        kill_script(script);
    } else if (script.killed && now_ms() >= script.killed_at_ms + kGraceMs) {
        return true;  // what even that does not end (a dead file server) must not hold up the rest
    }
    return false;
}

void ProcessRunner::kill_script(Script& script) {
    script.killed = true;
    script.killed_at_ms = now_ms();
    kill(-script.pid, SIGKILL);
    if (!job_.empty()) {  // the tasks of an srun that was killed go on
        cancel_steps(job_, script.places.all());
    }
}

std::vector<Finished> ProcessRunner::look() {
    std::vector<Finished> finished;
    for (auto script = scripts_.begin(); script != scripts_.end();) {
        reap(*script);
        if (!script->ended && script->killed_at_ms != 0 && !script->killed && now_ms() >= script->killed_at_ms) {
            kill_script(*script);
        }
        if (!script->ended || !drained(*script)) {
            ++script;
            continue;
        }
        finished.push_back(outcome(*script));
        placer_.give_back(script->places);
        script = scripts_.erase(script);
    }
    return finished;
}

Finished ProcessRunner::outcome(const Script& script) {
    Finished finished;
    finished.id = script.id;
    finished.ended.job = job_;
    finished.ended.nodes = script.places.all();
    const std::optional<EndFile> end = read_end(script.directory);
    if (end) {
        finished.ended.exit_code = end->exit_code;
        finished.ended.begin = end->begin;
        finished.ended.end = end->end;
    } else {
        finished.ended.end = unix_now();
        finished.ended.begin = finished.ended.end - static_cast<double>(now_ms() - script.began_ms) / 1000;
        finished.ended.exit_code = WIFSIGNALED(script.status) ? 128 + WTERMSIG(script.status) : 1;
        finished.ended.why =
            script.ours ? "its script ended early: " + describe_exit(script.status) : "its script ended without a word";
    }
    const std::string node = job_.empty() ? "" : node_failure(script.directory);
    if (end && end->exit_code == 0 && node.empty()) {
        return finished;
    }
    finished.ended.state = "failed";
    finished.again = !node.empty();
    if (!node.empty()) {
        finished.ended.why = node;
    } else if (end) {
        finished.ended.why = why_of(script.directory, end->exit_code);
    }
    if (!job_.empty()) {
        blame_the_allocation(finished, script);
    }
    return finished;
}

// A failure in an allocation that has lost its nodes, or itself, says nothing about the point.
void ProcessRunner::blame_the_allocation(Finished& finished, const Script& script) {
    const AllocationNow now = look_at_allocation(job_);
    if (!now.running) {
        over_ = fmt::format("the allocation {} is over{}{}", job_, now.state.empty() ? "" : ": ", now.state);
        finished.again = true;
        finished.ended.why = over_;
        return;
    }
    if (now.nodes.empty()) {
        return;
    }
    placer_.change_to(now.nodes);
    for (const std::string& node : script.places.all()) {
        if (std::find(now.nodes.begin(), now.nodes.end(), node) == now.nodes.end()) {
            finished.again = true;
            finished.ended.why = fmt::format("NODE_FAIL: node {} left the allocation {}", node, job_);
        }
    }
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

}  // namespace

std::unique_ptr<Runner> process_runner(const std::string& job, const std::vector<std::string>& nodes, int parallel) {
    return std::make_unique<ProcessRunner>(job, nodes, parallel);
}

}  // namespace inferstep::sweep
