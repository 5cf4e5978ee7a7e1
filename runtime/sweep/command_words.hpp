// A command that is written as one text: its words, by the shell's rules for quotation marks, and nothing else of a
// shell. What only a shell could do is an error, so that nobody takes a word for a pipe.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"

namespace inferstep::sweep {

// Blanks separate; '…' keeps all, "…" all but \" \\ \$ \`, a backslash keeps the next character. The message has no
// subject, for Config::wrong().
Result<std::vector<std::string>> command_words(const std::string& text);

}  // namespace inferstep::sweep
