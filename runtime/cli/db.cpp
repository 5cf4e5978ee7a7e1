// inferstep db serve: databases in the foreground, or those of a step whose page and lifetime pipe are handed over.
#include <algorithm>
#include <memory>
#include <vector>

#include "cli/commands.hpp"
#include "cli/db_arguments.hpp"
#include "cli/db_standard.hpp"
#include "core/step.hpp"
#include "db/leftovers.hpp"
#include "db/serve.hpp"
#include "db/state_dir.hpp"

namespace inferstep::cli {

void add_db(CLI::App& app, Outcome& outcome) {
    CLI::App* db = app.add_subcommand("db", "Run inference databases");
    db->require_subcommand(1);
    CLI::App* serve_command =
        db->add_subcommand("serve", "Serve databases in the foreground until SIGTERM, or for a step");
    auto arguments = std::make_shared<DbArguments>();
    add_db_arguments(*serve_command, *arguments, false);
    serve_command->add_option("--cwd", arguments->cwd, "where relative paths start (default: here)")->type_name("DIR");
    serve_command->add_option("--page-fd", arguments->page_fd, "the shared page of the step (for the plugin)")
        ->type_name("FD");
    serve_command->add_option("--life-fd", arguments->life_fd, "the pipe that ends with the step (for the plugin)")
        ->type_name("FD");
    for (int id = 0; id < kLimits; ++id) {  // the plugin's, so that --help has no more to say than there is to choose
        serve_command
            ->add_option(fmt::format("--{}", kLimitTable[id].name), arguments->limit[static_cast<std::size_t>(id)])
            ->group("");
    }
    add_db_standard(*db, outcome);
    CLI::App* sweep_command =
        db->add_subcommand("sweep", "Remove the state directories that dead steps of yours left on this node");
    auto statedir = std::make_shared<std::string>(DbOptions{}.statedir);
    sweep_command->add_option("--statedir", *statedir, "where they lie (default: /dev/shm)")->type_name("DIR");
    auto end = std::make_shared<std::vector<int>>();
    sweep_command->add_option("--end", *end, "first end this supervisor of yours and its guard (for the plugin)")
        ->type_name("PID,PID")
        ->delimiter(',');
    sweep_command->callback([statedir, end] {
        std::for_each(end->begin(), end->end(), end_supervisor);
        sweep_state_dirs(*statedir, step_identity().node);
    });
    add_db_status(*db, outcome);
    serve_command->callback([arguments, &outcome] { outcome.exit_code = serve(*arguments); });
}

}  // namespace inferstep::cli
