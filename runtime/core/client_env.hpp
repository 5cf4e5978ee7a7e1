// What a client library finds in its environment to reach a database. Needs libc alone.
#pragma once

namespace inferstep {

// Names the file with the password of TCP, which stands in no environment.
constexpr const char* kSecretFile = "INFER_DB_SECRET_FILE";

// Calls set(name, value, replace) for every variable that our client and SmartRedis read. `sure`: the type is known and
// replaces what the user says.
template <typename Set>
void for_each_client_variable(const char* endpoints, const char* type, bool sure, Set&& set) {
    set("SSDB", endpoints, true);
    set("SR_DB_TYPE", type, sure);              // without it a SmartRedis client expects a cluster
    set("SR_SOCKET_TIMEOUT", "600000", false);  // its own 250 ms let it send a slow request 101 times
}

}  // namespace inferstep
