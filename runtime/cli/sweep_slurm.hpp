// The options of `inferstep sweep` that are about its batch jobs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "sweep/batch_settings.hpp"
#include "sweep/battery.hpp"
#include "sweep/where.hpp"

namespace inferstep::cli {

struct SlurmArguments {
    std::string config;                                                    // --slurm-config
    std::vector<std::pair<std::string, std::vector<std::string>>> values;  // by the keys of the table
    std::vector<std::pair<std::string, bool>> flags;                       // likewise
    bool no_submit_job = false, no_save_script = false;
};

void add_slurm_options(CLI::App& command, SlurmArguments& arguments);

// The battery's `slurm:`, over it --slurm-config, over that the command line.
Result<sweep::BatchSettings> batch_settings(const SlurmArguments& arguments, const sweep::Battery& battery);

// The scripts of all points, as they would be where they are to run.
Result<std::string> scripts_text(const sweep::BatchSettings& settings, const sweep::Battery& battery,
                                 const std::vector<sweep::Point>& points, sweep::Where where);

// With neither a job nor a script wanted, the scripts are printed, and nothing is made: true, and that was all.
Result<bool> preview_only(const sweep::BatchSettings& settings, const sweep::Battery& battery,
                          const std::vector<sweep::Point>& points, sweep::Where where);

}  // namespace inferstep::cli
