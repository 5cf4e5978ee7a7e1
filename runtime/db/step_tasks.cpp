#include "db/step_tasks.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "core/clock.hpp"
#include "core/log.hpp"
#include "core/process.hpp"
#include "core/wait.hpp"

namespace inferstep {
namespace {

constexpr int kLastWordsMs = 1000;
constexpr int kScancelMs = 3000;  // the step may end meanwhile, and slurmstepd waits for us only so long

}  // namespace

StepTasks::StepTasks(const Page& page) {
    for (std::uint32_t i = 0; i < page.task_count; ++i) {
        pidfds_.emplace_back(static_cast<int>(syscall(SYS_pidfd_open, page.tasks[i].pid, 0)));
    }
}

void StepTasks::end(const StepIdentity& step) const {
    const std::int64_t patience = now_ms() + kLastWordsMs;
    for (const UniqueFd& task : pidfds_) {
        if (task) {
            wait_exit(task.get(), static_cast<int>(std::max<std::int64_t>(patience - now_ms(), 0)));
        }
    }
    for (const UniqueFd& task : pidfds_) {
        if (task) {
            syscall(SYS_pidfd_send_signal, task.get(), SIGTERM, nullptr, 0);
        }
    }
    // Those of other nodes would wait for ours, or compute in vain: Slurm alone can reach them.
    if (step.slurm && step.nodes > 1) {
        const std::string name = fmt::format("{}.{}", step.job, step.step);
        const Result<Captured> told = run_capture({"scancel", "--signal=TERM", name}, kScancelMs);
        if (!told || told->exit_code != 0) {
            print_warning(fmt::format("the tasks of other nodes go on: scancel --signal=TERM {} failed: {}", name,
                                      told ? told->err : told.error().message));
        }
    }
}

}  // namespace inferstep
