// inferstep sweep status: how far a run is, seen from another terminal.
#include <cstdio>
#include <memory>

#include "cli/sweep_arguments.hpp"
#include "core/log.hpp"
#include "sweep/status.hpp"

namespace inferstep::cli {
namespace {

struct Arguments {
    std::string run;
    std::string results = "results";
    bool json = false;
};

int show(const Arguments& a) {
    const Result<std::string> run = a.run.empty() ? sweep::newest_run(a.results, "") : Result<std::string>(a.run);
    const Result<sweep::SweepStatus> status = run ? sweep::read_status(*run) : Result<sweep::SweepStatus>(run.error());
    if (!status) {
        print_error(status.error());
        return 1;
    }
    const std::string text = a.json ? sweep::status_json(*status).dump() + "\n" : sweep::status_text(*status);
    std::fputs(text.c_str(), stdout);
    return 0;
}

}  // namespace

void add_sweep_status(CLI::App& sweep, Outcome& outcome) {
    CLI::App* command = sweep.add_subcommand("status", "Show how far a run is, also while it runs");
    auto a = std::make_shared<Arguments>();
    command->add_option("run", a->run, "directory of the run (default: the newest below the results)")
        ->type_name("RUN");
    command->add_option("--results", a->results, "folder of the results (default: results)")->type_name("DIR");
    command->add_flag("--json", a->json, "as JSON");
    command->callback([a, &outcome] { outcome.exit_code = show(*a); });
}

}  // namespace inferstep::cli
