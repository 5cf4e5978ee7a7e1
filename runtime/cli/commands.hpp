// The subcommands of `inferstep`: each file of this folder parses one and calls the layer below; none does work itself.
#pragma once

// The compiler sees a null dereference in CLI11's inlined strings that is not there.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnull-dereference"
#include <CLI/CLI.hpp>
#pragma GCC diagnostic pop

#include <functional>
#include <string>

namespace inferstep::cli {

// Exit codes: 0 success, 1 the work failed, 2 the command line is wrong, 77 skipped (cannot run here).
struct Outcome {
    int exit_code = 0;
    // Set by a subcommand whose ranks wait for each other: called with what is wrong with the command line.
    std::function<void(const std::string& why)> refused;
};

// Add the subcommand to `app`; when it is the one chosen, its callback leaves its exit code in `outcome`.
using AddCommand = void (*)(CLI::App& app, Outcome& outcome);

void add_run(CLI::App& app, Outcome& outcome);
void add_client(CLI::App& app, Outcome& outcome);
void add_db(CLI::App& app, Outcome& outcome);
void add_db_status(CLI::App& db, Outcome& outcome);  // a subcommand of db
void add_record(CLI::App& app, Outcome& outcome);
void add_sweep(CLI::App& app, Outcome& outcome);
void add_report(CLI::App& app, Outcome& outcome);
void add_model(CLI::App& app, Outcome& outcome);
void add_stage(CLI::App& app, Outcome& outcome);
void add_topo(CLI::App& app, Outcome& outcome);

}  // namespace inferstep::cli
