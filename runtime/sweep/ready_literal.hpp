// Values of a flag as people write them for SmartSim-Scaling: Python's literals, which are YAML's but for tuples.
// `flag` ("--db_cpus") is how messages call it; they tell the position in the value.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"

namespace inferstep::sweep {

// [1,2], (1, 2), 1,2, 1, ['a'], None (an empty list).
Result<std::vector<std::string>> literal_list(const std::string& flag, const std::string& text);

// One value, with or without quotes; a list of one will do.
Result<std::vector<std::string>> literal_text(const std::string& flag, const std::string& text);

// {"C": "V100", "exclusive": None} as words for sbatch: -C V100 --exclusive. None and True are bare, False leaves out.
Result<std::vector<std::string>> sbatch_words(const std::string& flag, const std::string& text);

}  // namespace inferstep::sweep
