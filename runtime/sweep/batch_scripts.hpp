// The scripts of batch jobs, for a person: shown before anything is made, or saved in a folder of the user's.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "sweep/script.hpp"

namespace inferstep::sweep {

// The script of each point, between lines that say so. What is not known before the run, its folder, is {run_dir}.
Result<std::string> preview_scripts(const Battery& battery, std::vector<Point> points, ScriptContext context);

// Saves the script of a point as <battery>-<point>.sh in the scripts folder of the settings, if there is one, and makes
// the folder. Error: a file of that name is there, which stays as it is.
Status save_script(const BatchSettings& settings, const Battery& battery, const Point& point, const std::string& text);

// Makes the folders of the job's own output files, where Slurm would fail a job without a word.
Status make_log_folders(const BatchSettings& settings, const Battery& battery);

}  // namespace inferstep::sweep
