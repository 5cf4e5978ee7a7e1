// Names and sentences that come from files of others, made fit to be shown.
#pragma once

#include <string>
#include <string_view>

namespace inferstep::report {

// Valid UTF-8 on one line: what is none, control characters, and those that turn the direction of writing are shown
// as U+FFFD.
std::string clean_text(std::string_view text);

// clean_text(), and nothing in it means anything in HTML or XML, inside of quotes either.
std::string escaped(std::string_view text);

// "time [ms]", on the terminal, the page and plots alike; what counts itself ("images" in "images") has no unit.
std::string with_unit(const std::string& name, const std::string& unit);

// At most `most` characters of a clean text: the middle gives way to "…".
std::string abridged(const std::string& text, std::size_t most);

}  // namespace inferstep::report
