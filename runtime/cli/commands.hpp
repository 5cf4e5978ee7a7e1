// The subcommands of `inferstep`: each file of this folder parses one and calls the layer below; none does work itself.
#pragma once

#include <CLI/CLI.hpp>

namespace inferstep::cli {

// Exit codes: 0 success, 1 the work failed, 2 the command line is wrong, 77 skipped (cannot run here).
struct Outcome {
    int exit_code = 0;
};

// Add the subcommand to `app`; when it is the one chosen, its callback leaves its exit code in `outcome`.
using AddCommand = void (*)(CLI::App& app, Outcome& outcome);

}  // namespace inferstep::cli
