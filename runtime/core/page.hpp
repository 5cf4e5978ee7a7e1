// The page that slurmstepd (or `inferstep run`), the tasks and the supervisor of one node share: a sealed memfd.
//
// Whoever starts the step makes it and notes every task's mask; the supervisor plans and answers in it; the tasks wait
// on `state` and take their part. Everything in it can be written by the job's user, so root reads from it nothing that
// it acts upon: no length, no path, no pid to signal. Needs libc alone.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "core/cpuset.hpp"

namespace inferstep {

constexpr std::uint32_t kPageMagic = 0x1f57e903;
constexpr std::uint32_t kPageVersion = 2;
constexpr int kMaxInstances = 64;

enum class PageState : std::uint32_t {
    starting = 0,  // the tasks wait
    ready = 1,     // the plan is in the page: the tasks take it and go on
    failed = 2,    // `message` says why; every task gives up
    ended = 3,     // the databases are gone
};

struct PageTask {
    pid_t pid;              // written by whoever forked the task, 0 until then
    std::int32_t instance;  // the database this task is given (index into Page::instances)
    CpuSet before;          // the mask that Slurm gave
    CpuSet after;           // the mask that the supervisor gives
};

struct PageInstance {
    char endpoint[128];  // unix:///…/db0.sock
    char tcp[64];        // host:port, or empty
    CpuSet cpus;
};

struct Page {
    std::uint32_t magic;
    std::uint32_t version;
    std::uint32_t job_id;
    std::uint32_t step_id;
    std::uint32_t node_id;  // this node's index in the step
    std::uint32_t node_count;
    std::uint32_t restart_count;
    std::uint32_t task_count;  // tasks on this node = length of tasks[]
    std::uint64_t memory_mib;  // the step's memory on this node, 0 = no limit known
    std::atomic<std::uint32_t> state;
    std::int32_t guard_pid;       // of what the first task started (see db/guard.hpp), 0 until then
    std::int32_t supervisor_pid;  // 0 until it runs
    std::int32_t instance_count;
    char cores[256];           // those that Slurm gave the step here, by its own numbers: "0-3,8"; or empty
    char gpus[256];            // SLURM_STEP_GPUS of the step: a task's own variable has those of the task alone
    std::int32_t reconnect_s;  // how long a client waits for a database that is started again; 0: none is
    char message[512];         // why it failed, one line
    char hint[256];            // what to try, or empty
    char state_dir[128];       // exported to the tasks as INFER_STATE_DIR
    char node[128];            // its name in Slurm, which a task knows and slurmstepd does not: for the sweep
    char secret[16];           // the file in it with what TCP wants to be told, or empty
    PageInstance instances[kMaxInstances];
    __extension__ PageTask tasks[];  // task_count of them, by local task id
};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

constexpr std::size_t page_size(std::uint32_t task_count) { return sizeof(Page) + task_count * sizeof(PageTask); }

inline PageState page_state(const Page& page) {
    return static_cast<PageState>(page.state.load(std::memory_order_acquire));
}

// Sleep until the state is no longer `seen`, at most `milliseconds`; may return early.
inline void page_wait(Page& page, PageState seen, int milliseconds) {
    timespec t{milliseconds / 1000, (milliseconds % 1000) * 1000000L};
    syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&page.state), FUTEX_WAIT, static_cast<std::uint32_t>(seen), &t,
            nullptr, 0);
}

// Move from `from` to `to` and wake everybody who waits. False when somebody was faster: the first word wins.
inline bool page_advance(Page& page, PageState from, PageState to) {
    auto expected = static_cast<std::uint32_t>(from);
    if (!page.state.compare_exchange_strong(expected, static_cast<std::uint32_t>(to), std::memory_order_acq_rel)) {
        return false;
    }
    syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&page.state), FUTEX_WAKE, 1 << 20, nullptr, nullptr, 0);
    return true;
}

}  // namespace inferstep
