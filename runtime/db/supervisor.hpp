// The supervisor: the parent of the databases of one node, from the start of a step to its end.
//
// Plan, start the databases, make them ready, tell the tasks; watch them until the step is over; end them, write what
// they did, leave nothing behind. It never daemonizes, and its databases die with it, also by SIGKILL.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/fd.hpp"
#include "core/result.hpp"
#include "db/claims.hpp"
#include "db/events.hpp"
#include "db/instance.hpp"
#include "db/memory.hpp"
#include "db/node_plan.hpp"
#include "db/node_record.hpp"
#include "db/page_map.hpp"
#include "db/standard.hpp"
#include "db/state_dir.hpp"
#include "db/step_net.hpp"
#include "db/step_tasks.hpp"

namespace inferstep {

// The last lines of a database's log on stderr; so many when it does not start.
constexpr std::size_t kTailAtStart = 20;
void show_tail(const Instance& instance, std::size_t lines);

class Supervisor {
   public:
    // Without a page it is a server in the foreground: it says "ready NAME ENDPOINT" on stdout and ends on a signal, or
    // when it loses a database. With DbOptions::standard it is one node's part of a standard database.
    // `tasks`: of this node's part of the step. `guard`: a pidfd of our guard (db/guard.hpp), or nothing.
    Supervisor(const DbOptions& options, std::optional<MappedPage> page, Events events, StepTasks tasks,
               UniqueFd guard);

    int run();  // the exit code

   private:
    Status start();
    Status plan();
    Status prepare();
    Status start_instances();
    std::uint64_t memory_for_models() const;
    Status make_ready();
    Status say_ready();
    Status show_plan();
    Result<Network> next_network();
    Status tell();
    int give_up(const Error& error);
    void watch();
    void look_at(const std::vector<int>& ready);
    void report(Instance& instance);
    bool may_start_again() const;
    void start_again(Instance& instance);
    void lose(const std::string& what);
    void check_cluster();
    void note_oom_kills();
    void finish();
    void count();
    void write_records();
    void phase(const char* name);
    Standard::Vigil vigil();

    const DbOptions& options_;
    std::optional<MappedPage> page_;
    Events events_;
    const std::int64_t start_ns_ = now_ns();
    std::uint64_t oom_kills_ = oom_kills();  // those that are known of
    StepTasks tasks_;
    UniqueFd guard_;
    Claims claims_;
    std::optional<NodePlan> plan_;
    std::optional<StateDir> directory_;
    std::string password_;  // of kSupervisorUser
    std::vector<Instance> instances_;
    std::optional<Standard> standard_;
    std::optional<StepNet> net_;  // of co-located databases that listen on TCP
    NodeRecord record_;
    int restarts_ = 0;
    bool lost_one_ = false;  // a database ended before its step
};

}  // namespace inferstep
