#include "core/log.hpp"

#include <unistd.h>

#include <string>

#include "core/text.hpp"

namespace inferstep {
namespace {

std::string g_name = "inferstep";
bool g_verbose = false;

void write_line(std::string_view kind, std::string_view text) {
    const std::string line = fmt::format("{}: {}{}\n", g_name, kind, printable(text));
    // One write per line; a lost log line must not stop the work.
    [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void set_log_name(std::string_view name) { g_name = name; }
void set_verbose(bool on) { g_verbose = on; }
bool verbose() { return g_verbose; }

void print_error(const Error& error) {
    write_line("error: ", error.message);
    if (!error.hint.empty()) {
        write_line("hint: ", error.hint);
    }
}

void print_warning(std::string_view message) { write_line("warning: ", message); }

void print_note(std::string_view message) {
    if (g_verbose) {
        write_line("", message);
    }
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const auto u = static_cast<unsigned char>(text[at]);
        const std::size_t length = utf8_length(text.substr(at));
        if (length == 0 || u < 0x20 || u == 0x7f) {
            out += fmt::format("\\x{:02x}", u);
            ++at;
        } else {
            out += text.substr(at, length);
            at += length;
        }
    }
    return out;
}

}  // namespace inferstep
