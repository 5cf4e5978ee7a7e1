// What databases do now: inferstep db status. Reads INFO of each, twice for rates, and shows it as a table or as JSON.
#pragma once

#include <string>
#include <vector>

#include "core/json.hpp"
#include "core/result.hpp"
#include "db/options.hpp"

namespace inferstep {

struct StatusOptions {
    std::vector<std::string> targets;  // addresses, or JOB.STEP on this node; none: see find_databases
    std::string statedir = DbOptions{}.statedir;
    double watch_s = 0;  // again and again; 0: once
    bool json = false;
};

struct FoundDatabase {
    std::string name;           // "local.4711 db0"; the address where no step is known
    std::string address;        // as the client library takes it
    std::string tcp = {};       // host:port beside a Unix socket; empty: none that is known
    std::string tcp_auth = {};  // "secret" or "none"
};

// Those that the targets name; without targets those of this user's steps on this node, else those in SSDB. Error:
// there is none, with what to do.
Result<std::vector<FoundDatabase>> find_databases(const StatusOptions& options);

// One database as a table of at most 100 columns, from what summarize_info() made of its INFO `seconds` ago and now.
std::string status_table(const std::string& name, const Json& before, const Json& now, double seconds);

// Until the end of the watch; an exit code. Errors go to standard error.
int show_status(const StatusOptions& options);

}  // namespace inferstep
