#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/attach.hpp"
#include "core/page_step.hpp"
#include "core/secure_path.hpp"
#include "core/spawn.hpp"
#include "core/wait.hpp"
#include "hooks.hpp"

namespace inferstep::plugin {
namespace {

constexpr int kDefaultTimeoutS = 60;
constexpr int kNeighbourGraceMs = 2000;  // local task 0 is the one to speak

// The words lie in the job's environment and in the settings, which live until the exec.
char* const* supervisor_environment(spank_t spank, const Settings& settings) {
    constexpr size_t kMost = 4 * kMaxWords;
    static const char* words[kMost + 1];
    size_t count = 0;
    for (const char* pair : settings.set_env) {
        words[count] = pair;
        count += pair != nullptr ? 1U : 0U;
    }
    char** job = nullptr;
    spank_get_item(spank, S_JOB_ENV, &job);
    for (; job != nullptr && *job != nullptr && count < kMost; ++job) {
        bool passes = false;
        for (const char* list : settings.env_allow) {
            passes = passes || (list != nullptr && is_one_of(*job, strcspn(*job, "="), list, ','));
        }
        words[count] = *job;
        count += passes ? 1U : 0U;
    }
    words[count] = nullptr;
    return const_cast<char* const*>(words);
}

char* const* supervisor_arguments(spank_t spank, const Node& node) {
    constexpr size_t kMost = 8 + kOptions + size_t{kLimits};
    static char text[kMost][kMaxValue + 32];
    static const char* words[kMost + 1] = {"inferstep", "db", "serve", "--page-fd=3", "--life-fd=4"};
    size_t count = 5;
    const auto add = [&](const char* option, const char* value) {
        if (value != nullptr) {
            snprintf(text[count], sizeof text[count], "--%s%s%s", option, *value != '\0' ? "=" : "", value);
            words[count] = text[count];
            ++count;
        }
    };
    for (int id = 0; id < kOptions; ++id) {
        if (node.options.has(id) && (kTable[id].has_argument != 0 || node.options.enabled(id))) {
            add(kTable[id].name, kTable[id].has_argument != 0 ? node.options.text(id) : "");
        }
    }
    for (int id = 0; id < kLimits; ++id) {
        add(kLimitTable[id].name, node.settings.limits[id]);
    }
    char here[PATH_MAX];
    const char* cwd = job_variable(spank, kSentCwd);
    add("cwd", cwd != nullptr ? cwd : getcwd(here, sizeof here));
    add("statedir", node.settings.paths[kStatedir]);
    add("redis", node.settings.paths[kRedis]);
    return const_cast<char* const*>(words);
}

// Whatever else could be there would run as every user who asks for a database.
bool programs_are_secure(const Settings& settings, Problem& why) {
    for (const int id : {kProgram, kRedis}) {
        Problem weakness;
        if (settings.paths[id] != nullptr && !is_secure_path(settings.paths[id], weakness)) {
            return why.is("plugstack.conf: %s=%s cannot be trusted: %s", kPathKeys[id], settings.paths[id],
                          weakness.text);
        }
    }
    return true;
}

// Returns a pidfd; or nothing, and the page has failed.
UniqueFd start_supervisor(spank_t spank, const Node& node) {
    Problem why;
    if (!programs_are_secure(node.settings, why)) {
        page_fail(*node.page, why);
        return UniqueFd{};
    }
    const char* name = job_variable(spank, "SLURMD_NODENAME");
    snprintf(node.page->node, sizeof node.page->node, "%s", name != nullptr ? name : "");
    const int passed[] = {node.page_fd.get(), node.life_read.get()};
    SpawnRequest request;
    request.path = node.settings.paths[kProgram];
    request.argv = supervisor_arguments(spank, node);
    request.env = supervisor_environment(spank, node.settings);
    request.pass_fds = passed;
    request.pass_fd_count = 2;
    request.stderr_fd = STDERR_FILENO;
    request.detach = true;
    request.new_session = true;
    const SpawnResult child = spawn(request);
    if (child.error != 0) {
        why.is("cannot start %s: %s", request.path, strerror(child.error));
        page_fail(*node.page, why);
    } else {
        node.page->guard_pid = child.pid;
    }
    return UniqueFd{child.pidfd};
}

// What a task looks at while it waits: task 0 at what it started, the others at task 0, as long as that has started
// nothing. The reason to give up when that has ended.
bool is_over(const Page& page, const UniqueFd& watched, bool is_first, Problem& why) {
    if (!watched || (!is_first && page.guard_pid != 0) || !wait_exit(watched.get(), 0)) {
        return false;
    }
    is_first ? why.is("the supervisor of the databases ended before they were ready")
             : why.is("the first task of the node ended before it had started the databases");
    return true;
}

// Until the page has left `starting`. True: this task gave up first, and is to say so.
bool wait_for_plan(const Node& node, UniqueFd watched, bool is_first) {
    Page& page = *node.page;
    const long timeout_s = node.options.has(kTimeout) ? node.options.number(kTimeout) : kDefaultTimeoutS;
    const int64_t patience = timeout_s * 1000 + kSupervisorGraceMs + (is_first ? 0 : kNeighbourGraceMs);
    int64_t end = INT64_MAX;  // as long as task 0 has started nothing: it may come last of hundreds
    if (!is_first) {
        watched.reset(static_cast<int>(syscall(SYS_pidfd_open, page.tasks[0].pid, 0)));
    }
    Problem why;
    bool gave_up = false;
    while (page_state(page) == PageState::starting) {
        page_wait(page, PageState::starting, is_first ? 50 : 500);
        const bool over = is_over(page, watched, is_first, why);  // and its last word is in the page
        end = page.guard_pid != 0 || !watched ? std::min(end, now_ms() + patience) : end;
        if (page_state(page) == PageState::starting && (over || now_ms() > end)) {
            over || why.is("the databases were not ready after %ld s", timeout_s);
            gave_up = page_fail(page, why);
        }
    }
    return gave_up;
}

void tell_failure(spank_t spank, const Page& page) {
    Problem line;
    const PageText message(page.message);
    const PageText hint(page.hint);
    const char* name = job_variable(spank, "SLURMD_NODENAME");
    line.is("%s (node %s)", message.text, name != nullptr ? name : "?");
    say(line);
    line.is("hint: %s", hint.text);
    hint.text[0] == '\0' || say(line);
}

// The database is there: the task reads where, as its user. All tasks of a node find the same, and the first speaks.
bool attach(spank_t spank, const Node& node, bool is_first) {
    static Attachment found;
    char home[PATH_MAX];
    Problem why;
    const char* word = node.options.text(kAttach);
    const char* variable = job_variable(spank, "HOME");
    snprintf(home, sizeof home, "%s", variable != nullptr ? variable : "");
    if (!find_database(word, job_variable(spank, kAttachDir), home, found, why) ||
        !reach_database(word, found, node.step.node, why)) {
        return is_first && say(why);
    }
    for_each_attach_variable(found, [spank](const char* name, const char* value, bool replace) {
        spank_setenv(spank, name, value, replace ? 1 : 0);
    });
    return true;
}

bool take_part(spank_t spank, const Page& page, int id) {
    Problem why;
    const PageTask task = page.tasks[id];
    char list[128];
    if (!(task.after == task.before) && !set_affinity(0, task.after)) {
        why.is("task %d cannot move to CPUs %s: %s", id, format_cpus(task.after, list, sizeof list), strerror(errno));
        return say(why);
    }
    const auto set = [&](const char* name, const char* value, bool replace) {
        spank_setenv(spank, name, value, replace ? 1 : 0);
    };
    why.is("task %d is given database %d, which there is not", id, task.instance);
    return for_each_variable(page, task, set) || say(why);
}

}  // namespace

bool admit_task(spank_t spank) {
    Node& node = this_node();
    if (!node.active) {
        return true;
    }
    node.life_write.reset();  // first of all: slurmstepd alone holds the step's life
    const int64_t start = now_ms();
    int id = -1;
    spank_get_item(spank, S_TASK_ID, &id);
    if (node.options.has(kAttach) && node.problem.text[0] == '\0') {
        return attach(spank, node, id == 0);
    }
    if (node.page == nullptr || static_cast<uint32_t>(id) >= node.step.tasks) {
        if (id == 0) {
            say(node.problem);
        }
        return false;
    }
    UniqueFd supervisor;
    if (id == 0 && page_state(*node.page) == PageState::starting) {
        supervisor = start_supervisor(spank, node);
    }
    node.life_read.reset();
    node.page_fd.reset();
    const bool gave_up = wait_for_plan(node, std::move(supervisor), id == 0);
    if (node.options.enabled(kDryRun) && dry_run_done(*node.page)) {
        _exit(0);  // the plan is printed: this task is over before it began
    }
    if (page_state(*node.page) == PageState::failed) {
        if (id == 0 || gave_up) {
            tell_failure(spank, *node.page);
        }
        return false;
    }
    if (id == 0 && node.options.enabled(kVerbose)) {
        Problem line;
        line.is("node %u: the databases are ready after %ld ms", node.step.node, static_cast<long>(now_ms() - start));
        say(line);
    }
    return take_part(spank, *node.page, id);
}

}  // namespace inferstep::plugin
