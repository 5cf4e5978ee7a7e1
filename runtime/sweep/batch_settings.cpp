#include "sweep/batch_settings.hpp"

#include <algorithm>

#include "core/file.hpp"
#include "core/log.hpp"
#include "core/shell.hpp"
#include "core/words.hpp"

namespace inferstep::sweep {
namespace {

constexpr std::string_view kBattery = "it comes from the battery: matrix, step and command";
constexpr std::string_view kTraining = "it belongs to training, and comes from the training battery's parameters";

constexpr SettingKey kKeys[] = {
    {"job_name", KeyKind::kOption, "job-name", "NAME", "name of the jobs (default: battery and point)"},
    {"account", KeyKind::kOption, "account", "NAME", "whom Slurm charges"},
    {"partition", KeyKind::kOption, "partition", "NAME", "partition of the nodes"},
    {"time", KeyKind::kOption, "time", "TIME", "limit of a job (default: the point's time limit)"},
    {"qos", KeyKind::kOption, "qos", "NAME", "quality of service"},
    {"reservation", KeyKind::kOption, "reservation", "NAME", "reservation to run in"},
    {"constraint", KeyKind::kOption, "constraint", "FEATURE", "what the nodes must have"},
    {"memory", KeyKind::kOption, "mem", "SIZE", "memory of each node"},
    {"std_out", KeyKind::kOption, "output", "FILE", "what the script prints; {point}, %j (default: script.log)"},
    {"err_out", KeyKind::kOption, "error", "FILE", "its errors apart"},
    {"num_nodes", KeyKind::kOption, "nodes", "N", "nodes of each job (default: what the point needs)"},
    {"num_tasks_per_node", KeyKind::kOption, "ntasks-per-node", "N", "tasks of each node (default: the point's)"},
    {"gpus_per_node", KeyKind::kOption, "gpus-per-node", "N", "GPUs of each node (default: the point's)"},
    {"cpus_per_gpu", KeyKind::kOption, "cpus-per-gpu", "N", "CPUs of each GPU"},
    {"cpus_per_task", KeyKind::kOption, "cpus-per-task", "N", "CPUs of each task (default: the point's)"},
    {"exclusive", KeyKind::kFlag, "exclusive", "", "whole nodes, shared with nobody"},
    {"sbatch_option", KeyKind::kTexts, "", "--NAME[=VALUE]", "any option of sbatch; may be repeated"},
    {"pre_exec", KeyKind::kTexts, "", "COMMAND", "shell text before the command, such as module load; may be repeated"},
    {"pre_exec_file", KeyKind::kFile, "", "FILE", "the same, out of a file"},
    {"python_venv", KeyKind::kOption, "", "DIR", "Python's virtual environment to activate"},
    {"container", KeyKind::kOption, "", "IMAGE", "the command of each task runs in this container (Apptainer)"},
    {"container_option", KeyKind::kTexts, "", "OPTION", "of apptainer exec; may be repeated"},
    {"bind", KeyKind::kTexts, "", "SRC[:DEST[:ro]]", "a folder that the container sees; may be repeated"},
    {"scripts_folder", KeyKind::kOption, "", "DIR", "save the scripts there as well"},
    {"submit_job", KeyKind::kFlag, "", "", ""},
    {"save_script", KeyKind::kFlag, "", "", ""},
    {"exec_file", KeyKind::kElsewhere, kBattery, "", ""},
    {"exec_command", KeyKind::kElsewhere, kBattery, "", ""},
    {"training_cmd", KeyKind::kElsewhere, kBattery, "", ""},
    {"scalability_nodes", KeyKind::kElsewhere, kBattery, "", ""},
    {"mode", KeyKind::kElsewhere, kTraining, "", ""},
    {"dist_strat", KeyKind::kElsewhere, kTraining, "", ""},
    {"distributed_strategy", KeyKind::kElsewhere, kTraining, "", ""},
    {"config_path", KeyKind::kElsewhere, kTraining, "", ""},
    {"config_name", KeyKind::kElsewhere, kTraining, "", ""},
    {"pipe_key", KeyKind::kElsewhere, kTraining, "", ""},
    {"exp_name", KeyKind::kElsewhere, kTraining, "", ""},
    {"run_name", KeyKind::kElsewhere, kTraining, "", ""},
    {"profiling_rate", KeyKind::kElsewhere, kTraining, "", ""},
    {"py_spy", KeyKind::kElsewhere, kTraining, "", ""},
    {"use_ray", KeyKind::kElsewhere, kTraining, "", ""},
    {"debug", KeyKind::kElsewhere, kTraining, "", ""},
};

// Other names of the same.
constexpr std::pair<std::string_view, std::string_view> kAliases[] = {{"pre_exec_command", "pre_exec"},
                                                                      {"pre_exec_cmd", "pre_exec"},
                                                                      {"container_path", "container"},
                                                                      {"container_options", "container_option"},
                                                                      {"binds", "bind"},
                                                                      {"container_binds", "bind"},
                                                                      {"sbatch_options", "sbatch_option"},
                                                                      {"save_dir", "scripts_folder"},
                                                                      {"std_err", "err_out"}};

Result<const SettingKey*> find_key(std::string_view name) {
    for (const auto& [alias, meant] : kAliases) {
        name = name == alias ? meant : name;
    }
    std::vector<std::string_view> names;
    for (const SettingKey& key : kKeys) {
        if (key.key == name) {
            return &key;
        }
        if (key.kind != KeyKind::kElsewhere) {
            names.push_back(key.key);
        }
    }
    const std::string_view near = nearest(name, names);
    return with_hint(fail("'{}' is no setting of a batch job", printable(name)),
                     near.empty() ? "" : fmt::format("did you mean {}?", near));
}

Result<bool> flag(const std::vector<std::string>& values) {
    const Result<Config> value = Config::parse(values.size() == 1 ? values[0] : "", "it");
    const Result<bool> on = value ? value->as_flag() : value.error();
    return on ? on : Result<bool>(fail("'{}' is neither yes nor no", values.empty() ? "" : printable(values[0])));
}

// "--licenses=a:2", "licenses=a:2", "-L a:2" is not taken: one way to say it.
Status add_sbatch_option(std::string_view text, BatchSettings& settings) {
    text.remove_prefix(text.starts_with("--") ? 2 : 0);
    const std::size_t equals = std::min(text.find('='), text.size());
    const std::string name(text.substr(0, equals));
    const bool good = !name.empty() && name.front() != '-' && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
    if (!good) {
        return with_hint(fail("'{}' is no long option of sbatch", printable(text)), "such as --licenses=matlab:2");
    }
    settings.set(name, equals < text.size() ? std::string(text.substr(equals + 1)) : "");
    return Status::ok();
}

// The words of a key that holds several, such as --bind.
Status apply_texts(std::string_view key, const std::vector<std::string>& values, BatchSettings& settings) {
    if (key == "pre_exec") {
        settings.pre_exec = values;
    } else if (key == "container_option") {
        settings.container.options = values;
    } else if (key == "bind") {
        settings.container.binds = values;
    } else {
        for (const std::string& value : values) {
            if (Status s = add_sbatch_option(value, settings); !s) {
                return s;
            }
        }
    }
    return Status::ok();
}

Status apply_flag(const SettingKey& key, bool on, BatchSettings& settings) {
    if (key.key == "submit_job") {
        settings.submit = on;
    } else if (key.key == "save_script") {
        settings.save = on;
    } else if (on) {
        settings.set(std::string(key.option), "");
    } else {
        std::erase_if(settings.options, [&key](const auto& option) { return option.first == key.option; });
    }
    return Status::ok();
}

Status apply_text(const SettingKey& key, const std::string& value, BatchSettings& settings) {
    if (value.empty() || value.starts_with("--")) {  // behind "--account=" stood nothing
        return fail("it is empty");
    }
    if (key.key == "python_venv") {
        settings.python_venv = absolute_path(value);
    } else if (key.key == "container") {
        settings.container.image = value;
    } else if (key.key == "scripts_folder") {
        settings.scripts_folder = absolute_path(value);
    } else if (const Result<std::string> word = sbatch_word(value); !word) {
        return word.error();
    } else {
        settings.set(std::string(key.option), value);
    }
    return Status::ok();
}

Status apply_key(const SettingKey& key, const std::vector<std::string>& values, BatchSettings& settings) {
    if (key.kind == KeyKind::kElsewhere) {
        return fail("{}", key.option);
    }
    if (key.kind == KeyKind::kTexts) {
        return apply_texts(key.key, values, settings);
    }
    if (key.kind == KeyKind::kFlag) {
        const Result<bool> on = flag(values);
        return on ? apply_flag(key, *on, settings) : on.error();
    }
    if (values.size() != 1) {
        return fail("one value is right, not {}", values.size());
    }
    if (key.kind != KeyKind::kFile) {
        return apply_text(key, values[0], settings);
    }
    const Result<std::string> text = read_file(values[0]);
    if (text) {
        settings.pre_exec = {*text};
    }
    return text ? Status::ok() : text.error();
}

// A number among the settings may be larger than what the point needs, and not smaller.
Status check_number(const BatchSettings& settings, const Point& point, const char* option, int needed) {
    const std::string* text = settings.find(option);
    if (text == nullptr || needed == 0) {
        return Status::ok();
    }
    const Result<long> number = parse_number(fmt::format("--{}", option), *text, 0, 1L << 30);
    if (number && *number < needed) {
        return fail("point {} needs {} for --{}, and the settings of its job say {}", point.id, needed, option,
                    *number);
    }
    return Status::ok();  // "2-4" and the like are for sbatch to judge
}

}  // namespace

const std::string* BatchSettings::find(std::string_view option) const {
    for (const auto& [name, value] : options) {
        if (name == option) {
            return &value;
        }
    }
    return nullptr;
}

void BatchSettings::set(const std::string& option, const std::string& value) {
    for (auto& [name, before] : options) {
        if (name == option) {
            before = value;
            return;
        }
    }
    options.emplace_back(option, value);
}

std::span<const SettingKey> setting_keys() { return kKeys; }

Status apply_setting(std::string_view key, const std::vector<std::string>& values, BatchSettings& settings) {
    const Result<const SettingKey*> known = find_key(key);
    return known ? apply_key(**known, values, settings) : known.error();
}

Status apply_settings(const Config& map, BatchSettings& settings) {
    if (map.kind() != Config::Kind::kMap) {
        return map.is_null() ? Status::ok() : Status(map.wrong("keys and values are right, such as account: NAME"));
    }
    for (const auto& [key, value] : map.members()) {
        if (value.is_null()) {
            continue;
        }
        const Result<std::vector<std::string>> values = value.as_texts();
        if (!values) {
            return values.error();
        }
        if (Status s = apply_setting(key, *values, settings); !s) {
            return with_hint(value.wrong(s.error().message), s.error().hint);
        }
    }
    return Status::ok();
}

Status apply_settings_file(const std::string& path, BatchSettings& settings) {
    const Result<Config> map = Config::read(path);
    return map ? apply_settings(*map, settings) : map.error();
}

Status check_settings(const BatchSettings& settings, const Point& point) {
    const std::pair<const char*, int> numbers[] = {{"nodes", point.all_nodes()},
                                                   {"ntasks-per-node", point.step.tasks_per_node},
                                                   {"gpus-per-node", point.step.gpus_per_node}};
    for (const auto& [option, needed] : numbers) {
        if (Status s = check_number(settings, point, option, needed); !s) {
            return s;
        }
    }
    return Status::ok();
}

}  // namespace inferstep::sweep
