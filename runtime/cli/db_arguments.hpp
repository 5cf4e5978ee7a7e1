// The options of a database, the same for `inferstep db serve` and `inferstep run`. Each is also known by the name that
// srun has for it, --infer-NAME.
#pragma once

#include "cli/commands.hpp"
#include "db/options.hpp"

namespace inferstep::cli {

// `environment`: also take what is not given from the variables that srun takes it from (INFER_COLOCATE, …).
void add_db_arguments(CLI::App& app, DbArguments& arguments, bool environment);

// Those of `inferstep db standard`.
void add_standard_arguments(CLI::App& app, DbArguments& arguments);

}  // namespace inferstep::cli
