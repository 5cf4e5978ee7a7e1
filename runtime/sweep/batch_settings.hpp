// What a site and a user want of every batch job of a battery: account, partition, modules to load, a container. All of
// it is empty by default; a point's own needs (nodes, tasks, CPUs, GPUs, time) come from the point.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/config.hpp"
#include "core/result.hpp"

namespace inferstep::sweep {

// The command of each task runs inside: apptainer exec [--nv] [options] IMAGE command.
struct Container {
    std::string image;  // empty: none
    std::string program = "apptainer";
    std::vector<std::string> options;
    std::vector<std::string> binds;  // SOURCE[:DESTINATION[:ro]]
};

struct BatchSettings {
    // Long options of sbatch without their dashes ("account", "time") and values, in their order; "" is a bare flag.
    std::vector<std::pair<std::string, std::string>> options;
    std::vector<std::string> pre_exec;  // shell text before the command, such as "module load CUDA"
    std::string python_venv;            // a folder; its bin/activate is read after that
    Container container;
    std::string scripts_folder;  // where scripts are saved as well; empty: only with the points
    bool submit = true;
    bool save = true;

    // The value that `option` was given, or nothing.
    const std::string* find(std::string_view option) const;
};

}  // namespace inferstep::sweep
