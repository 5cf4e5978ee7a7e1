// The subcommands of `inferstep db` about a database that stands in a step of its own.
#pragma once

#include "cli/commands.hpp"

namespace inferstep::cli {

void add_db_standard(CLI::App& db, Outcome& outcome);

}  // namespace inferstep::cli
