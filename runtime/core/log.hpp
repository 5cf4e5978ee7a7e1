// What a person sees on stderr: errors in one form, notes only when asked for. Lines are written whole, so that those
// of several processes do not mix. Thread-safe.
#pragma once

#include <string_view>

#include "core/result.hpp"

namespace inferstep {

// Printed before every line: "inferstep", or "inferstep db" and the like. Set once, before threads exist.
void set_log_name(std::string_view name);
void set_verbose(bool on);
bool verbose();

// "NAME: error: message" and, if there is one, "NAME: hint: …". Control characters in user data are escaped.
void print_error(const Error& error);
void print_warning(std::string_view message);
void print_note(std::string_view message);  // only when verbose

// `text` with control characters, and bytes that are no UTF-8, written as \xNN, so that no user string can forge a log
// line.
std::string printable(std::string_view text);

}  // namespace inferstep
