// {placeholders} in the texts of a battery. Only an identifier in braces is one, so that JSON, shell functions and
// {a,b} stay as they are; so does ${name}, which is the shell's. {{name}} stands for {name}.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sweep/battery.hpp"

namespace inferstep::sweep {

bool is_identifier(std::string_view text);

// What every point has without a matrix.
constexpr std::string_view kBuiltIn[] = {"point", "repeat", "point_dir", "run_dir", "seed"};

// The names that `text` asks for, in their order.
std::vector<std::string> placeholders(std::string_view text);

// The text with `value_of(name)` in the place of each; null leaves the placeholder as it is.
std::string fill(std::string_view text, const std::function<const std::string*(std::string_view)>& value_of);

// For a name that is not among `known`: what might be meant.
std::string placeholder_hint(const std::string& name, const std::vector<std::string_view>& known);

}  // namespace inferstep::sweep
