#include "llm/run/settings_read.hpp"

#include <algorithm>
#include <cstdlib>

#include "core/file.hpp"
#include "core/process.hpp"
#include "core/words.hpp"
#include "llm/run/settings_config.hpp"
#include "llm/run/settings_table.hpp"

namespace inferstep::llm {
namespace {

// A configuration file that was named, or found in its usual place.
struct ConfigFile {
    std::optional<Config> config;
    Origin origin;
};

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

Result<ConfigFile> read_config(const GivenOptions& options, const char* option, const char* environment,
                               const char* usual_name) {
    ConfigFile file;
    const std::string root = variable("EXPERIMENT_ROOT");
    const std::string usual = root.empty() ? usual_name : root + "/" + usual_name;
    if (const auto given = options.find(option); given != options.end()) {
        file.origin = {option, given->second, fmt::format("--{}", option)};
    } else if (const std::string value = variable(environment); !value.empty()) {
        file.origin = {option, value, environment};
    } else if (exists(usual)) {
        file.origin = {option, usual, "default"};
    } else {
        file.origin = {option, "none", "default"};
        return file;
    }
    Result<Config> config = Config::read(file.origin.value);
    if (!config) {
        return config.error();
    }
    file.config = std::move(*config);
    return file;
}

// Where a setting's text comes from, if from anywhere.
Result<std::optional<ConfigValue>> given_text(const Setting& setting, const GivenOptions& options,
                                              const ConfigFile& exp, const ConfigFile& ds) {
    const std::string name = name_of(setting);
    if (const auto option = options.find(name); option != options.end()) {
        return std::optional<ConfigValue>({"--" + name, option->second});
    }
    for (const std::string& each : split(setting.environment != nullptr ? setting.environment : "", ',')) {
        if (std::string value = variable(each.c_str()); !value.empty()) {
            return std::optional<ConfigValue>({each, std::move(value)});
        }
    }
    if (setting.ds_keys != nullptr && ds.config) {
        Result<std::optional<ConfigValue>> value = find_value(*ds.config, setting.ds_keys);
        if (!value || *value) {
            return value;
        }
    }
    if (setting.exp_keys != nullptr && exp.config) {
        return find_value(*exp.config, setting.exp_keys);
    }
    return std::optional<ConfigValue>();
}

Status read_all(const GivenOptions& options, const ConfigFile& exp, const ConfigFile& ds, StageSettings& s) {
    for (const Setting& setting : stage_settings()) {
        const Result<std::optional<ConfigValue>> given = given_text(setting, options, exp, ds);
        if (!given) {
            return given.error();
        }
        if (*given) {
            if (Status right = setting.read((*given)->label, (*given)->text, s); !right) {
                return right;
            }
        }
        s.origins.push_back({name_of(setting), setting.show(s), *given ? (*given)->label : "default"});
    }
    return Status::ok();
}

Status note_unused(const ConfigFile& file, ConfigKind kind, StageSettings& s) {
    if (!file.config) {
        return Status::ok();
    }
    const Result<std::vector<std::string>> notes = unused_keys(*file.config, kind);
    if (!notes) {
        return notes.error();
    }
    s.notes.insert(s.notes.end(), notes->begin(), notes->end());
    return Status::ok();
}

std::string where_of(const StageSettings& s, std::string_view name) {
    const auto found =
        std::find_if(s.origins.begin(), s.origins.end(), [&](const Origin& o) { return o.name == name; });
    return found != s.origins.end() ? found->where : "";
}

// A step that has a place for its records, such as a point of a sweep, leaves these there as well; only the command
// line goes before that.
void use_step_records(const GivenOptions& options, StageSettings& s) {
    const std::string place = variable("INFER_OUTDIR");
    if (place.empty() || options.count("output-dir") > 0) {
        return;
    }
    s.output_dir = place;
    s.explicit_output_dir = false;
    for (Origin& origin : s.origins) {
        if (origin.name == "output-dir") {
            origin.value = place + "/JOB.STEP";
            origin.where = "INFER_OUTDIR";
        }
    }
}

void note_only_ones(const GivenOptions& options, StageSettings& s) {
    for (const std::string_view name : kOnlyOne) {
        std::string option(name);
        std::ranges::replace(option, '_', '-');
        const auto given = options.find(option);
        const std::string note = given != options.end() ? only_one_note("--" + option, given->second, name) : "";
        s.notes.insert(s.notes.end(), note.empty() ? 0 : 1, note);
    }
}

// What settings say about each other.
Status agree(StageSettings& s) {
    if (s.model.empty()) {
        s.model = s.model_name;  // a name may be a path as well
    }
    const char* hint = "--model and --prompts name them, or model.model_path and inputs.prompt_path in exp_config.json";
    if (s.model.empty() || s.prompts.empty()) {
        return with_hint(fail("no {} is named", s.model.empty() ? "model" : "file of prompts"), hint);
    }
    if (!s.local_debug && !s.split.empty() && s.stages != 0 && s.split.size() != static_cast<std::size_t>(s.stages)) {
        return fail("{} gives the layers of {} stages and {} asks for {}", where_of(s, "split"), s.split.size(),
                    where_of(s, "pipeline-size"), s.stages);
    }
    if (s.local_debug) {  // the same configuration files serve both
        for (const char* name : {"pipeline-size", "split"}) {
            if (where_of(s, name).rfind("--", 0) == 0) {
                s.notes.push_back(
                    fmt::format("--local-debug runs the whole model in one stage: --{} has no effect", name));
            }
        }
        s.stages = 1;
        s.split.clear();
        for (Origin& each : s.origins) {
            if (each.name == "pipeline-size") {
                each = {each.name, "1", "--local-debug"};
            } else if (each.name == "split") {
                each = {each.name, "balanced", "--local-debug"};
            }
        }
    }
    if (s.expect_identical && s.reference.empty()) {
        return fail("--expect-identical goes with --reference");
    }
    return Status::ok();
}

}  // namespace

Result<StageSettings> read_stage_settings(const GivenOptions& options) {
    StageSettings s;
    s.command = own_command();
    if (const std::string root = variable("EXPERIMENT_ROOT"); !root.empty()) {
        s.output_dir = root + "/outputs";
    }
    const Result<ConfigFile> exp = read_config(options, "exp-config", "EXP_CONFIG_PATH", "exp_config.json");
    const Result<ConfigFile> ds = read_config(options, "ds-config", "DS_CONFIG_PATH", "ds_config.json");
    if (!exp || !ds) {
        return exp ? ds.error() : exp.error();
    }
    s.origins = {exp->origin, ds->origin};
    for (const Status& right : {read_all(options, *exp, *ds, s), note_unused(*exp, ConfigKind::kExperiment, s),
                                note_unused(*ds, ConfigKind::kDeepSpeed, s)}) {
        if (!right) {
            return right.error();
        }
    }
    note_only_ones(options, s);
    use_step_records(options, s);
    if (Status right = agree(s); !right) {
        return right.error();
    }
    return s;
}

std::string settings_text(const StageSettings& settings) {
    std::size_t widest = 0;
    for (const Origin& each : settings.origins) {
        widest = std::max(widest, each.value.size());
    }
    std::string text;
    for (const Origin& each : settings.origins) {
        text += fmt::format("{:<17} {:<{}}  {}\n", each.name, each.value, widest, each.where);
    }
    return text;
}

}  // namespace inferstep::llm
