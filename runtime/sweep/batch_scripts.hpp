// The scripts of batch jobs, for a person: shown before anything is made, or saved in a folder of the user's.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "sweep/script.hpp"

namespace inferstep::sweep {

// The script of each point, between lines that say so. What is not known before the run, its folder, is {run_dir}.
Result<std::string> preview_scripts(const Battery& battery, std::vector<Point> points, ScriptContext context);

// Before anything is made: can the scripts of these points be saved in the folder of the settings? Error: one of them
// is there, and is not overwritten; no script is to be kept at all.
Status check_scripts_folder(const Battery& battery, const std::vector<Point>& points, const BatchSettings& settings);

// Saves them there, as <battery>-<point>.sh, if there is such a folder in the settings of the context.
Status save_scripts(const Battery& battery, const std::vector<Point>& points, const ScriptContext& context);

// Makes the folders of the job's own output files, where Slurm would fail a job without a word.
Status make_log_folders(const BatchSettings& settings, const Battery& battery);

}  // namespace inferstep::sweep
