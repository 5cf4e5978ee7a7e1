#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/cwords.hpp"
#include "core/page_step.hpp"
#include "core/secure_path.hpp"
#include "core/spawn.hpp"
#include "core/wait.hpp"
#include "hooks.hpp"

namespace inferstep::plugin {
namespace {

constexpr int kStopLimitMs = 10'000;  // the supervisor's own limits, one after the other, are shorter
constexpr int kGoneLimitMs = 200;
constexpr int kSweepLimitMs = 2000;

Node g_node;

static_assert(sizeof Page::cores == sizeof Step::cores);

bool share(spank_t spank, Node& node) {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
        node.page = make_page(node.step.tasks, node.page_fd);
    }
    const UniqueFd reader(ends[0]);  // closed again: see open_lifetime
    node.life_write.reset(ends[1]);
    if (node.page == nullptr) {
        return node.problem.is("cannot make the step's shared page and pipe: %s", strerror(errno));
    }
    node.page->job_id = node.step.job;
    node.page->step_id = node.step.step;
    node.page->node_id = node.step.node;
    node.page->node_count = node.step.nodes;
    node.page->restart_count = node.step.restarts;
    node.page->memory_mib = node.step.memory_mib;
    memcpy(node.page->cores, node.step.cores, sizeof node.page->cores);
    if (const char* gpus = job_variable(spank, "SLURM_STEP_GPUS");
        gpus != nullptr && strlen(gpus) < sizeof Page::gpus) {
        snprintf(node.page->gpus, sizeof Page::gpus, "%s", gpus);
    }
    return true;
}

// Wait until a process that the page names, the supervisor or its guard, is gone, so that Slurm finds an empty
// container and need not look again a second later. The number is the user's word: it costs that moment and no more.
void see_off(pid_t pid) {
    const UniqueFd process(pid > 1 ? static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) : -1);
    if (process) {
        wait_exit(process.get(), kGoneLimitMs);
    }
}

// A SIGKILL of the whole step (scancel of the step, a second ^C) takes the supervisor along and leaves its directory.
// The admin's program removes it, as the user: root touches no path of a user's. It also ends `supervisor` and
// `guard` (0: none), which some kinds of proctrack would leave behind: the user's word again, and what root must not
// signal in its place, a slurmstepd that is the user for a moment, the kernel does not let the user signal.
void sweep(const Node& node, pid_t supervisor, pid_t guard) {
    char directory[kMaxValue];
    char end[48];
    char name[32 + sizeof Page::node];
    Problem why;
    if (!is_secure_path(node.settings.paths[kProgram], why)) {
        return;  // the step has said so
    }
    const char* base = node.settings.paths[kStatedir];
    snprintf(directory, sizeof directory, "--statedir=%s", base != nullptr ? base : "");
    snprintf(end, sizeof end, "--end=%d,%d", supervisor, guard);
    const char* argv[] = {"inferstep", "db", "sweep", end, base != nullptr ? directory : nullptr, nullptr};
    snprintf(name, sizeof name, "SLURMD_NODENAME=%s", node.page != nullptr ? PageText(node.page->node).text : "");
    const char* env[] = {name, nullptr};
    const SpawnUser user{node.step.uid, node.step.gid};
    SpawnRequest request;
    request.path = node.settings.paths[kProgram];
    request.argv = const_cast<char* const*>(argv);
    request.env = const_cast<char* const*>(env);
    request.user = &user;
    request.detach = true;  // slurmstepd waits for all its children and must not meet this one
    const SpawnResult child = spawn(request);
    if (child.error == 0 && !wait_exit(child.pidfd, kSweepLimitMs)) {
        syscall(SYS_pidfd_send_signal, child.pidfd, SIGKILL, nullptr, 0);
    }
    close(child.pidfd);
}

// The user's word again, and all that comes of it is one more sweep.
bool is_standard_database(spank_t spank) {
    int count = 0;
    char** words = nullptr;
    const bool known = spank_get_item(spank, S_JOB_ARGV, &count, &words) == ESPANK_SUCCESS && count >= 3;
    return known && strcmp(words[1], "db") == 0 && strcmp(words[2], "standard") == 0;
}

}  // namespace

Node& this_node() { return g_node; }

const char* job_variable(void* spank, const char* name) {
    static char value[kMaxValue + 2];
    const spank_err_t error = spank_getenv(static_cast<spank_t>(spank), name, value, sizeof value);
    const bool found = error == ESPANK_SUCCESS || error == ESPANK_NOSPACE;
    return found && *value != '\0' ? value : nullptr;
}

void take_remote_option(int id, const char* value) { g_node.options.set(id, spelled_out(id, value), Source::given); }

void prepare_node(spank_t spank, int count, char** words) {
    Node& node = g_node;
    if (node.active || node.sweeps || !read_step(spank, node.step) || node.step.tasks == 0) {
        return;
    }
    const auto sent = [spank](int id) {
        char name[64];
        snprintf(name, sizeof name, kSent, kTable[id].twin);
        return job_variable(spank, name);
    };
    const auto asked_for = [&](int id) {
        return node.options.has(id) || sent(id) != nullptr || job_variable(spank, kTable[id].twin) != nullptr;
    };
    node.active = asked_for(kColocate) || asked_for(kAttach);
    node.sweeps = !node.active && is_standard_database(spank);
    // Most steps are none of ours: they cost no look at the other variables.
    for (int id = 0; (node.active || node.sweeps) && id < kOptions; ++id) {
        if (const char* value = sent(id)) {
            // What is not on the command line, srun had from the environment: it may be there for other steps.
            node.options.set(id, value, node.options.has(id) ? Source::given : Source::environment);
        }
    }
    // Slurm tells slurmstepd of a batch script alone how often a job was requeued.
    if (const char* restarts = job_variable(spank, "SLURM_RESTART_COUNT");
        restarts != nullptr && node.step.restarts == 0 && is_number(restarts, strlen(restarts), 0, INT_MAX)) {
        node.step.restarts = static_cast<uint32_t>(strtol(restarts, nullptr, 10));
    }
    const bool known = (node.active || node.sweeps) && node.settings.read(count, words, node.problem);
    node.sweeps = node.sweeps && known;
    if (known && node.active) {
        complete(node.options, node.settings, job_variable, spank);
        if (check(node.options, node.settings, node.problem) && !node.options.has(kAttach)) {
            share(spank, node);
        }
    }
}

void note_task(spank_t spank) {
    Node& node = g_node;
    int id = -1;
    pid_t pid = -1;
    spank_get_item(spank, S_TASK_ID, &id);
    if (node.page == nullptr || static_cast<uint32_t>(id) >= node.step.tasks) {
        return;
    }
    PageTask& task = node.page->tasks[id];
    if (spank_get_item(spank, S_TASK_PID, &pid) != ESPANK_SUCCESS || !get_affinity(pid, task.before)) {
        Problem why;
        why.is("cannot read the CPUs of task %d: %s", id, strerror(errno));
        page_fail(*node.page, why);
    }
    task.pid = pid;
    if (++node.forked == node.step.tasks) {
        node.page_fd.reset();
    }
}

// slurmstepd never has a reading end, or the pipe would not be without a reader when the supervisor ends. It could not
// close one after the tasks are forked: with contain_spank (24.11) the hooks that follow run in a process with
// slurmstepd's memory and descriptors of its own. So the one task that needs it opens it anew, while it may.
void open_lifetime(spank_t spank) {
    Node& node = g_node;
    int id = -1;
    spank_get_item(spank, S_TASK_ID, &id);
    if (node.page == nullptr || id != 0) {
        return;
    }
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", node.life_write.get());
    node.life_read.reset(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!node.life_read) {
        Problem why;
        why.is("cannot open the step's pipe: %s", strerror(errno));
        page_fail(*node.page, why);
    }
}

void note_exit() {
    Node& node = g_node;
    if ((node.page == nullptr && !node.sweeps) || ++node.exited != node.step.tasks) {
        return;
    }
    if (node.sweeps) {
        sweep(node, 0, 0);
        return;
    }
    const int64_t start = now_ms();
    (void)!write(node.life_write.get(), "e", 1);  // the reader may be gone: slurmstepd ignores SIGPIPE
    // No reader left: the supervisor has ended. The kernel's word, whatever the page says.
    const bool ended = (wait_events(node.life_write.get(), 0, kStopLimitMs) & POLLERR) != 0;
    const Page& page = *node.page;
    if (ended) {
        see_off(page.supervisor_pid);
        see_off(page.guard_pid);
    }
    node.life_write.reset();
    // The user's word, which can only spare or cost a moment.
    if (!ended || page_state(page) != PageState::ended) {
        ended ? sweep(node, 0, 0) : sweep(node, page.supervisor_pid, page.guard_pid);
    }
    slurm_info("infer: step %u.%u: the databases %s after %ld ms", node.step.job, node.step.step,
               ended ? "ended" : "had not ended", static_cast<long>(now_ms() - start));
}

}  // namespace inferstep::plugin
