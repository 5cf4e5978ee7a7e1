#include "db/local_step.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/page_step.hpp"
#include "core/process.hpp"
#include "core/step.hpp"
#include "core/words.hpp"
#include "db/events.hpp"
#include "db/leftovers.hpp"
#include "db/local_supervisor.hpp"
#include "db/local_task.hpp"
#include "db/page_map.hpp"
#include "db/state_dir.hpp"
#include "db/step_record.hpp"

namespace inferstep {
namespace {

class LocalRun {
   public:
    explicit LocalRun(const LocalStep& step) : step_(step) {}
    Status start();
    void abandon();
    int run();

   private:
    Status make_page();
    Status fork_tasks();
    void wait_for_tasks();
    void on_signal();
    void on_supervisor_end();
    int patience() const;
    void on_patience_end();
    void end_databases();
    void signal_tasks(int signal);
    void complete_records();
    int exit_code() const;
    bool any_task() const {
        return std::any_of(tasks_.begin(), tasks_.end(), [](const LocalTask& t) { return t.running(); });
    }

    const LocalStep& step_;
    std::optional<MappedPage> page_;
    UniqueFd signals_;
    std::vector<LocalTask> tasks_;
    std::optional<LocalSupervisor> supervisor_;
    const std::int64_t deadline_ms_ = now_ms() + step_.database.timeout_s * std::int64_t{1000} + kSupervisorGraceMs;
    bool lost_databases_ = false;
    int interrupts_ = 0;
};

Status LocalRun::start() {
    if (Status s = make_page(); !s) {
        return s;
    }
    Result<UniqueFd> signals = take_step_signals();
    if (!signals) {
        return signals.error();
    }
    signals_ = std::move(*signals);
    adopt_orphans();
    if (Status s = fork_tasks(); !s) {
        return s;
    }
    if (step_.database.instances == 0) {
        page_advance(**page_, PageState::starting, PageState::ready);
        return Status::ok();
    }
    Result<LocalSupervisor> supervisor = LocalSupervisor::start(step_.database, *page_);
    if (!supervisor) {
        return supervisor.error();
    }
    supervisor_ = std::move(*supervisor);
    return Status::ok();
}

Status LocalRun::make_page() {
    Result<MappedPage> page = MappedPage::create(static_cast<std::uint32_t>(step_.tasks));
    if (!page) {
        return page.error();
    }
    page_ = std::move(*page);
    Page& p = **page_;
    p.step_id = static_cast<std::uint32_t>(getpid());
    p.node_count = 1;
    CpuSet mask;
    if (!get_affinity(0, mask)) {
        return fail("cannot read this process' CPUs: {}", std::strerror(errno));
    }
    for (std::uint32_t i = 0; i < p.task_count; ++i) {
        p.tasks[i].before = mask;
    }
    return Status::ok();
}

Status LocalRun::fork_tasks() {
    const Result<std::string> program = find_program(step_.command[0]);
    if (!program) {
        return program.error();
    }
    for (std::uint32_t rank = 0; rank < (*page_)->task_count; ++rank) {
        Result<LocalTask> task = fork_task(*page_, rank, *program, step_.command);
        if (!task) {
            return task.error();
        }
        tasks_.push_back(std::move(*task));
    }
    return Status::ok();
}

int LocalRun::run() {
    wait_for_tasks();
    end_leftovers(supervisor_ ? supervisor_->pid() : -1);
    end_databases();
    if (page_state(**page_) != PageState::failed) {
        complete_records();
    } else if (!dry_run_done(**page_)) {
        print_error(in_own_words({(*page_)->message, (*page_)->hint}));
    }
    return exit_code();
}

void LocalRun::wait_for_tasks() {
    while (any_task()) {
        std::vector<pollfd> fds = {{signals_.get(), POLLIN, 0}, {supervisor_ ? supervisor_->pidfd() : -1, POLLIN, 0}};
        for (const LocalTask& task : tasks_) {
            fds.push_back({task.pidfd.get(), POLLIN, 0});  // -1, skipped, once reaped
        }
        const int ready = poll(fds.data(), fds.size(), patience());
        if (ready < 1) {
            ready == 0 ? on_patience_end() : void();
            continue;
        }
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            if (fds[i + 2].revents != 0) {
                tasks_[i].reap();
            }
        }
        if (fds[0].revents != 0) {
            on_signal();
        }
        if (fds[1].revents != 0) {
            on_supervisor_end();
        }
    }
}

// What the terminal sends reaches the tasks by itself, since they are in our process group.
void LocalRun::on_signal() {
    signalfd_siginfo info{};
    if (read(signals_.get(), &info, sizeof info) != sizeof info) {
        return;
    }
    const int signal = static_cast<int>(info.ssi_signo);
    interrupts_ += signal == SIGINT ? 1 : 0;
    if (interrupts_ > 1) {
        signal_tasks(SIGKILL);
    } else if (info.ssi_code != SI_KERNEL) {
        signal_tasks(signal);
    }
}

// The supervisor keeps its deadline itself, unless it hangs.
int LocalRun::patience() const {
    if (!supervisor_ || !supervisor_->running() || page_state(**page_) != PageState::starting) {
        return -1;
    }
    return static_cast<int>(std::max<std::int64_t>(deadline_ms_ - now_ms(), 0));
}

void LocalRun::on_patience_end() {
    tell_failure(&**page_, fail("the databases were not ready after {} s, and their supervisor says nothing",
                                step_.database.timeout_s));
    kill(supervisor_->pid(), SIGKILL);
}

void LocalRun::on_supervisor_end() {
    const int status = supervisor_->reap();
    const PageState state = page_state(**page_);
    lost_databases_ = state != PageState::failed || WIFSIGNALED(status);  // then it has left its directory
    if (state == PageState::failed) {
        return;  // it has said why, or we for it
    }
    const Error error =
        fail("the supervisor of the databases ended early ({}), and they with it", describe_exit(status));
    if (state == PageState::starting) {
        tell_failure(&**page_, error);
    } else if (any_task()) {
        print_error(error);
        signal_tasks(SIGTERM);
    }
}

void LocalRun::end_databases() {
    if (supervisor_ && supervisor_->running()) {
        lost_databases_ = supervisor_->end() != 0 || lost_databases_;
    }
    if (lost_databases_) {
        sweep_state_dirs(step_.database.statedir, step_identity().node);
    }
}

void LocalRun::signal_tasks(int signal) {
    for (const LocalTask& task : tasks_) {
        if (task.running()) {
            kill(task.pid, signal);
        }
    }
}

// The record directory of the step, where anybody wrote one.
void LocalRun::complete_records() {
    const char* variable = std::getenv("INFER_OUTDIR");
    const std::string base = !step_.database.outdir.empty()             ? step_.database.outdir
                             : variable != nullptr && *variable != '\0' ? absolute_path(variable)
                                                                        : absolute_path("outputs");
    const std::string step = std::to_string(getpid());
    const std::string directory = base + "/local." + step;
    if (access(directory.c_str(), F_OK) != 0) {
        return;
    }
    if (Status s = complete_step_record({"local", step, 0, directory}); !s) {
        print_warning(s.error().message);
    }
}

int LocalRun::exit_code() const {
    if (dry_run_done(**page_)) {
        return 0;
    }
    int highest = lost_databases_ ? 1 : 0;
    for (const LocalTask& task : tasks_) {
        highest = std::max(highest, task.exit_code());
    }
    return highest;
}

// The step could not be set up: nobody of it stays.
void LocalRun::abandon() {
    signal_tasks(SIGKILL);
    for (LocalTask& task : tasks_) {
        task.reap();
    }
}

}  // namespace

Result<int> run_local_step(const LocalStep& step) {
    LocalRun run(step);
    if (Status s = run.start(); !s) {
        run.abandon();
        return s.error();
    }
    return run.run();
}

}  // namespace inferstep
