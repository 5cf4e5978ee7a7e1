// The configuration of one redis-server, rendered as the text it reads on its standard input: it never lies in a file,
// and no secret of it stands in an argument vector or an environment.
#pragma once

#include <cstdint>
#include <string>

#include "core/cpuset.hpp"
#include "db/options.hpp"

namespace inferstep {

// The user by which the supervisor itself talks to its databases; everybody else is Redis' user `default`.
constexpr const char* kSupervisorUser = "supervisor";

// How clients of other nodes reach a database. Without a port it listens on its Unix socket alone.
struct Network {
    std::string address;   // of the interface
    int port = 0;          // its cluster bus listens on port + kBusOffset
    bool cluster = false;  // one shard of several
    std::string secret;    // with which every client of TCP authenticates; empty: none needs to
    std::string endpoint() const {
        const bool v6 = address.find(':') != std::string::npos;
        return fmt::format("{}{}{}:{}", v6 ? "[" : "", address, v6 ? "]" : "", port);
    }
};
constexpr int kBusOffset = 10'000;  // Redis' own rule

struct RedisSettings {
    std::string directory;  // the step's state directory: where SAVE may write
    std::string socket;     // its Unix socket, in that directory
    std::string module;     // path of inferdb.so
    std::string password;   // of kSupervisorUser
    int cpus = 1;           // how many it is given
    int tpq = 1;            // worker threads per device queue
    Device device = Device::automatic;
    std::uint64_t max_memory = 0;  // bytes
    Network network = {};
    std::string arena_socket = {};  // where clients ask for shared memory; empty: nowhere
    std::uint64_t max_torch = 0;    // bytes that models may take beside that; 0: any number
};

// The part of max_memory that is for arenas (memory shared with clients); Redis' own limit is the rest.
std::uint64_t arena_share(const RedisSettings& settings);

std::string render_redis_conf(const RedisSettings& settings);

}  // namespace inferstep
