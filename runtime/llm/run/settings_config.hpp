// exp_config.json and ds_config.json: the values that settings take from them, and a sentence for each key that has no
// effect here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
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

// Sizes that can only be 1 here, under the names that both files and the options have for them.
inline constexpr std::string_view kOnlyOne[] = {"tensor_parallel_size", "data_parallel_size"};
// Why another one has no effect; empty: it is 1.
std::string only_one_note(const std::string& label, const std::string& text, std::string_view name);

// Keys that no setting reads: named with the nearest that one does, and those of DeepSpeed as ignored. Error: a section
// that is none.
Result<std::vector<std::string>> unused_keys(const Config& config, ConfigKind kind);

}  // namespace inferstep::llm
