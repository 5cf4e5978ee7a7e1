// exp_config.json and ds_config.json: the values that settings take from them, and a sentence for each key that has no
// effect here.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/config.hpp"

namespace inferstep::llm {

enum class ConfigKind { kExperiment, kDeepSpeed };

// The value of the first of `keys` ("inference.batch_size,…") that is there and not null, as text (the items of a list
// joined by commas), with its label: "exp_config.json, line 12: inference.batch_size".
struct ConfigValue {
    std::string label;
    std::string text;
};
Result<std::optional<ConfigValue>> find_value(const Config& config, const std::string& keys);

// Keys that no setting reads: named with the nearest that one does, and those of DeepSpeed as ignored. Error: a section
// that is none.
Result<std::vector<std::string>> unused_keys(const Config& config, ConfigKind kind);

}  // namespace inferstep::llm
