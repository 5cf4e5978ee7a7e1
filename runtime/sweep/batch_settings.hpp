// What a site and a user want of every batch job of a battery: account, partition, modules to load, a container. All of
// it is empty by default; a point's own needs (nodes, tasks, CPUs, GPUs, time) come from the point.
//
// The keys are those of a slurm_config.yaml as itwinai has them, in one table. They stand in the battery under
// `slurm:`, in a file of their own, and as options of `inferstep sweep`; what is named later goes over what was there.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config.hpp"
#include "core/result.hpp"
#include "sweep/battery.hpp"

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
    // {point} in a value is the point's name.
    std::vector<std::pair<std::string, std::string>> options;
    std::vector<std::string> pre_exec;  // shell text before the command, such as "module load CUDA"
    std::string python_venv;            // a folder; its bin/activate is read after that
    Container container;
    std::string
        scripts_folder;  // where scripts are saved as well, as <battery>-<point>.sh; empty: only with the points
    bool submit = true;  // false: scripts are saved and nothing runs
    bool save = true;    // false: run.sh is removed once its point has been collected

    // The value that `option` was given, or nothing.
    const std::string* find(std::string_view option) const;
    void set(const std::string& option, const std::string& value);
};

enum class KeyKind { kOption, kFlag, kTexts, kFile, kElsewhere };

struct SettingKey {
    std::string_view key;  // "num_nodes"; the option of the command line is --num-nodes
    KeyKind kind;
    std::string_view option;  // of sbatch; for kElsewhere, where such a thing is said
    std::string_view argument, help;
};
std::span<const SettingKey> setting_keys();

// One key over what is there. Error: unknown, with the nearest; not what it can be; to be said elsewhere.
Status apply_setting(std::string_view key, const std::vector<std::string>& values, BatchSettings& settings);

// All keys of a map, `slurm:` of a battery, or of a file. A null is a key that is not given.
Status apply_settings(const Config& map, BatchSettings& settings);
Status apply_settings_file(const std::string& path, BatchSettings& settings);

// Error: the settings ask for fewer nodes, tasks or GPUs than this point needs.
Status check_settings(const BatchSettings& settings, const Point& point);

}  // namespace inferstep::sweep
