// Texts as a shell and as sbatch read them back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace inferstep {

// One word for a POSIX shell, whatever is in it; as it is when every shell takes it as it is.
std::string shell_word(std::string_view text);

// Several, with blanks between them.
std::string shell_words(const std::vector<std::string>& words);

// One word of a "#SBATCH" line, which has quotes of its own. Error: a control character, which no such line can hold.
Result<std::string> sbatch_word(std::string_view text);

// May a variable of the environment be called so: letters, digits and _, no digit first.
bool is_variable_name(std::string_view name);

}  // namespace inferstep
