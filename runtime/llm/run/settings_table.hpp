// Every setting of `inferstep stage` in one table: its option, environment variable and configuration keys, its help,
// and how its text is read and shown. The command line, the configuration reader and --dry-run are made from it.
#pragma once

#include <span>
#include <string>

#include "llm/run/stage_settings.hpp"

namespace inferstep::llm {

// Texts in lists are separated by commas; the first that is given holds.
struct Setting {
    const char* options;      // "limit,prompt-limit": --limit, --prompt-limit, --prompt_limit; "!no-x": says no to x
    const char* argument;     // "N" in --help; nullptr: a flag
    const char* help;         // nullptr: no option
    const char* environment;  // "PROMPT_LIMIT"; nullptr: none
    const char* exp_keys;     // of exp_config.json: "inference.batch_size"; nullptr: none
    const char* ds_keys;      // of ds_config.json
    // `label` says where the text stands; an error begins with it.
    Status (*read)(const std::string& label, const std::string& text, StageSettings& settings);
    std::string (*show)(const StageSettings& settings);
};
std::span<const Setting> stage_settings();

// The first option's name, which the setting goes by.
std::string name_of(const Setting& setting);

}  // namespace inferstep::llm
