// How scripts ended, what of theirs is still there, and whether it was the allocation's fault.
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

#include "core/clock.hpp"
#include "core/process.hpp"
#include "core/wait.hpp"
#include "sweep/point_folder.hpp"
#include "sweep/runner_process.hpp"

namespace inferstep::sweep {

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

}  // namespace inferstep::sweep
