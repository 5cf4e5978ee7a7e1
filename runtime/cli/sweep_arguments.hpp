// The options of `inferstep sweep` that a battery file and the ready-made batteries have in common.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/sweep_slurm.hpp"
#include "sweep/battery_file.hpp"

namespace inferstep::cli {

struct SweepArguments {
    std::vector<std::string> files, set;
    std::string repeats, warmups, order, seed, time_limit, on_failure;  // empty: what the battery says
    std::string where = "auto", parallel = "auto", results = "results";
    std::optional<std::string> resume;
    bool dry_run = false, json = false, yes = false, retry_failed = false;
    SlurmArguments slurm;
};

void add_running_options(CLI::App& command, SweepArguments& arguments);

void add_sweep_status(CLI::App& sweep, Outcome& outcome);  // a subcommand of sweep

// What goes over the battery: --set, and the options that stand for one key each.
std::vector<sweep::Setting> settings_of(const SweepArguments& arguments);

// What of the words is wrong by itself.
Status check_arguments(const SweepArguments& arguments);
Result<std::optional<sweep::Where>> where_of(const SweepArguments& arguments);  // nothing: auto

// Runs the points, which are in running order. Returns the exit code.
int run(const SweepArguments& arguments, const sweep::Battery& battery, std::vector<sweep::Point> points);

}  // namespace inferstep::cli
