// The program `inferstep`: the table of its subcommands, and what is common to all.
#include <csignal>

#include "cli/commands.hpp"
#include "core/log.hpp"
#include "core/version.hpp"

namespace inferstep::cli {

// One line per subcommand, in the order of --help; each is defined in the file of its name.

constexpr AddCommand kCommands[] = {
    add_run, add_client, add_db, add_stage, add_sweep, add_record, add_report, add_model, add_topo,
};

}  // namespace inferstep::cli

// Only running out of memory could throw here, and then there is nothing better to do than to end.
int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape)
    using namespace inferstep;
    // A reader that went away (a pipe, a database) shows as an error of the write, with its name, not as a silent
    // death.
    std::signal(SIGPIPE, SIG_IGN);
    CLI::App app{"Machine-learning inference as a Slurm job step", "inferstep"};
    app.set_version_flag("--version", version_text());
    app.require_subcommand(1);
    app.failure_message([](const CLI::App* a, const CLI::Error& e) {
        return fmt::format("inferstep: error: {}\ninferstep: hint: {} --help lists what is accepted\n", e.what(),
                           a->get_name());
    });
    cli::Outcome outcome;
    for (const cli::AddCommand add : cli::kCommands) {
        if (add != nullptr) {
            add(app, outcome);
        }
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        if (app.exit(e) == 0) {
            return 0;
        }
        if (outcome.refused) {
            outcome.refused(e.what());
        }
        return 2;
    }
    return outcome.exit_code;
}
