#include <unistd.h>

#include <utility>

#include "core/file.hpp"
#include "core/words.hpp"
#include "db/config.hpp"
#include "db/options.hpp"

namespace inferstep {

Status check_site(bool secret, const std::string& option) {
    // Beside the program, as its libraries are (of a package, which lies in /usr, in /etc), else where it was
    // installed.
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
    return secret || !required ? Status::ok()
                               : Status(fail("{}=none: this site's {} says tcp_auth=required", option, path));
}

Result<DbOptions> parse_standard_options(DbArguments a) {
    StandardOptions standard;
    // These have other defaults here, and names of their own; a co-located database would listen beside its socket.
    const std::string port = std::exchange(a.option[kDbPort], "");
    standard.interface = std::exchange(a.option[kNetIfname], "");
    const std::string auth = std::exchange(a.option[kTcpAuth], "");
    if (!port.empty()) {
        const Result<long> number = parse_number("--port", port, 1024, kMaxPort - kBusOffset);
        if (!number) {
            return number.error();
        }
        standard.port = static_cast<int>(*number);
    }
    Problem why;
    if (!auth.empty() && !check_value(kTcpAuth, "--tcp-auth", auth.c_str(), why)) {
        return fail("{}", why.text);
    }
    if (!a.option[kDbMemory].empty() && !check_value(kDbMemory, "--memory", a.option[kDbMemory].c_str(), why)) {
        return fail("{}", why.text);
    }
    standard.authenticate = auth != "none";
    if (a.option[kOnDbFailure] == "restart") {
        return fail(
            "--on-db-failure=restart is not possible here: a shard that is lost takes its keys along, so that a "
            "standard database always ends with it");
    }
    if (Status s = check_site(standard.authenticate, "--tcp-auth"); !s) {
        return s.error();
    }
    if (a.option[kColocate].empty()) {
        a.option[kColocate].assign(1, '1');  // assigning "1" trips a false warning of g++ 12
    }
    Result<DbOptions> options = parse_db_options(a);
    if (options) {
        options->standard = standard;
    }
    return options;
}

}  // namespace inferstep
