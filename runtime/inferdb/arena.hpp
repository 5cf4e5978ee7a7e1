// Arenas of clients on this node (core/arena_layout.hpp tells what one is): made on request at a Unix socket of their
// own, drained before every command that Redis executes, and given back when their client goes.
//
// Drained means: each put that returned before the command was sent is in the keyspace when the command runs, whoever
// sends it; puts of several clients are stored in the order in which they were made. Everything here belongs to the
// main thread.
#pragma once

#include <memory>
#include <string>

#include "inferdb/api.hpp"
#include "inferdb/arena_memory.hpp"

namespace inferstep {

// Listen where the settings say. Error: the socket cannot be made. Nothing happens without ARENA and ARENASOCKET.
Status start_arenas(redis::Context* context);
// The server ends, and may write a file first: take what there is.
void stop_arenas();

// The socket's path for a client to connect to; empty: there are no arenas here (none configured, or Redis Cluster).
std::string arena_path(redis::Context* context);

// Store what clients have put. Commands find it done; whoever stores tensors at another time calls it first.
void drain_arenas();

// The arena with this token; null: there is none, or its client has gone.
std::shared_ptr<ArenaMemory> find_arena(std::uint64_t token);

struct ArenaStats {
    std::uint64_t clients = 0;    // now
    std::uint64_t puts = 0;       // stored or refused since the start
    std::uint64_t refused = 0;    // of these, refused: OOM, a key of another type
    std::uint64_t fallbacks = 0;  // clients that got no arena and use the socket
    std::uint64_t closed = 0;     // arenas closed because their client wrote nonsense
};
ArenaStats arena_stats();
void add_arena_info(redis::Info* info);

}  // namespace inferstep
