// inferstep db status: what the databases do now.
#include <cstdlib>
#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "db/status.hpp"

namespace inferstep::cli {

void add_db_status(CLI::App& db, Outcome& outcome) {
    CLI::App* command = db.add_subcommand("status", "Show what databases do now: requests, times, batches, memory");
    auto options = std::make_shared<StatusOptions>();
    command
        ->add_option("target", options->targets,
                     "addresses, or steps on this node (default: your steps on this node, else SSDB)")
        ->type_name("ADDRESS|JOB.STEP");
    // Only --watch=S sets it, so that `--watch 4711.0` does not swallow the step. As text: CLI11's flags are whole
    // numbers.
    auto watch = std::make_shared<std::string>("0");
    command->add_flag("--watch{2}", *watch, "again every S seconds (without =S: 2)")->check(CLI::Range(0.1, 86400.0));
    command->add_flag("--json", options->json, "one line of JSON each time instead of tables");
    command->add_option("--statedir", options->statedir, "where the state directories lie (default: /dev/shm)")
        ->type_name("DIR");
    command->callback([options, watch, &outcome] {
        options->watch_s = std::strtod(watch->c_str(), nullptr);
        outcome.exit_code = show_status(*options);
    });
}

}  // namespace inferstep::cli
