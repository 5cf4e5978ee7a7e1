#include "llm/run/run.hpp"

#include <cstdio>

#include "core/log.hpp"
#include "llm/run/dry_run.hpp"
#include "llm/run/run_state.hpp"

namespace inferstep::llm {
namespace {

Result<int> show_plan(const StageSettings& settings, int ranks) {
    const Result<std::string> text = dry_run_text(settings, ranks);
    if (!text) {
        return text.error();
    }
    const bool shown = std::fputs(text->c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    return shown ? Result<int>(0) : fail("cannot write the plan to the standard output");
}

// The ranks meet before anything can fail on one of them alone: the others would wait for it, and name the wrong cause.
int run_rank(StageRun& run) {
    Status s = run.join();
    const Status opened = run.open_records();
    s = s ? opened : s;
    s = s ? run.all_begun() : s;
    s = s ? run.prepare() : s;
    if (!run.idle()) {
        s = s ? run.load() : s;
    }
    s = s ? run.connect() : s;
    s = s ? run.work() : s;
    s = s ? run.gather() : s;
    return s ? run.exit_code() : run.give_up(s.error());
}

}  // namespace

Result<int> run_stage(const StageSettings& settings) {
    StepIdentity id = step_identity();
    if (settings.dry_run) {
        return id.rank == 0 ? show_plan(settings, id.ranks) : Result<int>(0);
    }
    if (settings.local_debug) {
        if (id.rank > 0) {
            print_note("--local-debug: rank 0 does everything");
            return 0;
        }
        id.ranks = 1;
    }
    if (id.ranks > 1) {
        set_log_name(fmt::format("inferstep: rank {}", id.rank));
    }
    StageRun run(settings, std::move(id));
    return run_rank(run);
}

void tell_ranks(const Error& why) {
    const StepIdentity id = step_identity();
    if (id.ranks < 2) {
        return;
    }
    comm::WorldOptions options;
    options.join_timeout_s = StageSettings().timeout_s;
    const Result<std::unique_ptr<comm::World>> world = comm::World::join(id, options);
    if (world) {  // else they have gone, or say themselves who did not come
        (*world)->abort(why);
    }
}

}  // namespace inferstep::llm
