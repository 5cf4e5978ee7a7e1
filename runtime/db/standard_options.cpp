#include <unistd.h>

#include <cctype>

#include "core/file.hpp"
#include "core/words.hpp"
#include "db/config.hpp"
#include "db/options.hpp"

namespace inferstep {
namespace {

constexpr int kLastPort = 65'535;

// "512M", "8G": bytes with a binary unit.
Result<std::uint64_t> parse_memory(const std::string& text) {
    const std::string units = "KMGT";
    const std::size_t unit =
        text.empty() ? std::string::npos : units.find(static_cast<char>(std::toupper(text.back() & 0x7f)));
    const Result<long> number = unit == std::string::npos
                                    ? Result<long>(fail(""))
                                    : parse_number("", text.substr(0, text.size() - 1), 1, 1 << 20);
    if (!number) {
        return fail("--memory: '{}' is not a size; give a number and a unit, such as 512M or 8G", text);
    }
    return static_cast<std::uint64_t>(*number) << (10 * (unit + 1));
}

// May clients go without a secret? The admin's file may say tcp_auth=required; without it they may.
Status check_site(const StandardOptions& standard) {
    // Beside the program, as its libraries are (of a package, which lies in /usr, in /etc), else where it was installed.
    std::string path = absolute_path(library_directory() + "/../../etc/inferstep/db.conf");
    if (path.starts_with("/usr/etc/")) {
        path.erase(0, 4);
    }
    if (access(path.c_str(), F_OK) != 0) {
        path = absolute_path(INFERSTEP_SYSCONFDIR "/inferstep/db.conf");
    }
    if (access(path.c_str(), F_OK) != 0) {
        return Status::ok();
    }
    const Result<std::string> text = read_file(path);
    if (!text) {
        return text.error();
    }
    bool required = false;
    for (const std::string& line : split(*text, '\n')) {
        if (line.empty() || line[0] == '#') {
            continue;
        }
        if (line != "tcp_auth=required" && line != "tcp_auth=optional") {
            return fail("{}: '{}' is neither tcp_auth=required nor tcp_auth=optional", path, line);
        }
        required = line == "tcp_auth=required";
    }
    return standard.authenticate || !required
               ? Status::ok()
               : Status(fail("--tcp-auth=none: this site's {} says tcp_auth=required", path));
}

}  // namespace

Result<DbOptions> parse_standard_options(DbArguments a) {
    StandardOptions standard;
    standard.interface = a.interface;
    if (!a.port.empty()) {
        const Result<long> port = parse_number("--port", a.port, 1024, kLastPort - kBusOffset);
        if (!port) {
            return port.error();
        }
        standard.port = static_cast<int>(*port);
    }
    if (!a.tcp_auth.empty()) {
        const Result<std::size_t> index = parse_choice("--tcp-auth", a.tcp_auth, {"none", "yes"});
        if (!index) {
            return index.error();
        }
        standard.authenticate = *index == 1;
    }
    if (Status s = check_site(standard); !s) {
        return s.error();
    }
    if (a.colocate.empty()) {
        a.colocate.assign(1, '1');  // assigning "1" trips a false warning of g++ 12
    }
    Result<DbOptions> options = parse_db_options(a);
    if (!options) {
        return options.error();
    }
    if (!a.memory.empty()) {
        const Result<std::uint64_t> memory = parse_memory(a.memory);
        if (!memory) {
            return memory.error();
        }
        options->memory = *memory;
    }
    options->standard = standard;
    return options;
}

}  // namespace inferstep
