#include "cli/sweep_slurm.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "sweep/batch_scripts.hpp"

namespace inferstep::cli {
namespace {

constexpr const char* kGroup = "Batch jobs";

std::string dashed(std::string_view key) {
    std::string name = "--" + std::string(key);
    std::replace(name.begin(), name.end(), '_', '-');
    return name;
}

}  // namespace

void add_slurm_options(CLI::App& command, SlurmArguments& a) {
    command.add_option("--slurm-config", a.config, "settings of the batch jobs, such as account and partition")
        ->type_name("FILE")
        ->group(kGroup);
    // CLI11 keeps the addresses of what it fills in.
    const auto keys = sweep::setting_keys();
    a.values.reserve(keys.size());
    a.flags.reserve(keys.size());
    for (const sweep::SettingKey& key : keys) {
        if (key.help.empty()) {
            continue;
        }
        const std::string name = dashed(key.key);
        if (key.kind == sweep::KeyKind::kFlag) {
            auto& [word, on] = a.flags.emplace_back(std::string(key.key), false);
            command.add_flag(name, on, std::string(key.help))->group(kGroup);
            continue;
        }
        auto& [word, values] = a.values.emplace_back(std::string(key.key), std::vector<std::string>());
        CLI::Option* option = command.add_option(name, values, std::string(key.help));
        option->type_name(std::string(key.argument))->group(kGroup)->allow_extra_args(false);
        option->expected(1);
        if (key.kind == sweep::KeyKind::kTexts) {
            option->take_all();
        }
    }
    command.add_flag("--no-submit-job", a.no_submit_job, "save the scripts, and run nothing")->group(kGroup);
    command
        .add_flag("--no-save-script", a.no_save_script,
                  "keep no script of a point that has ended; with --no-submit-job: print them all, and do nothing else")
        ->group(kGroup);
}

Result<sweep::BatchSettings> batch_settings(const SlurmArguments& a, const sweep::Battery& battery) {
    sweep::BatchSettings settings;
    const Config* below = battery.source != nullptr ? battery.source->find("slurm") : nullptr;
    if (Status s = below != nullptr ? sweep::apply_settings(*below, settings) : Status::ok(); !s) {
        return s.error();
    }
    if (Status s = a.config.empty() ? Status::ok() : sweep::apply_settings_file(a.config, settings); !s) {
        return s.error();
    }
    for (const auto& [key, values] : a.values) {
        if (Status s = values.empty() ? Status::ok() : sweep::apply_setting(key, values, settings); !s) {
            return with_hint(fail("{}: {}", dashed(key), s.error().message), s.error().hint);
        }
    }
    for (const auto& [key, on] : a.flags) {
        if (Status s = on ? sweep::apply_setting(key, {"yes"}, settings) : Status::ok(); !s) {
            return s.error();
        }
    }
    settings.submit = settings.submit && !a.no_submit_job;
    settings.save = settings.save && !a.no_save_script;
    return settings;
}

Result<std::string> scripts_text(const sweep::BatchSettings& settings, const sweep::Battery& battery,
                                 const std::vector<sweep::Point>& points, sweep::Where where) {
    sweep::ScriptContext context;
    context.where = where;
    std::error_code code;
    context.program = std::filesystem::read_symlink("/proc/self/exe", code).string();
    context.settings = settings;
    return sweep::preview_scripts(battery, points, std::move(context));
}

Result<bool> preview_only(const sweep::BatchSettings& settings, const sweep::Battery& battery,
                          const std::vector<sweep::Point>& points, sweep::Where where) {
    if (settings.submit || settings.save) {
        return false;
    }
    const Result<std::string> text = scripts_text(settings, battery, points, where);
    if (!text) {
        return text.error();
    }
    std::fputs(text->c_str(), stdout);
    return true;
}

}  // namespace inferstep::cli
