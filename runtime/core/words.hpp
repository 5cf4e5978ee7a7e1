// Reading words of a command line: numbers with their limits, choices, lists, and the nearest word to a misspelt one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace inferstep {

// A whole decimal number between `low` and `high`. The error names `what` ("--db-cpus") and the limits.
Result<long> parse_number(std::string_view what, std::string_view text, long low, long high);

// The index of `text` in `choices`. The error lists them and, if one is near, asks whether it was meant.
Result<std::size_t> parse_choice(std::string_view what, std::string_view text,
                                 const std::vector<std::string_view>& choices);

// "a,b" → {"a", "b"}; an empty text has no parts.
std::vector<std::string> split(std::string_view text, char separator);

// Messages name options as srun has them (--infer-colocate); our own programs also have them without "infer-". The
// error with the short names, for who did not come through Slurm.
Error in_own_words(Error error);

// The candidate with the fewest letters to change, or "" when none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace inferstep
