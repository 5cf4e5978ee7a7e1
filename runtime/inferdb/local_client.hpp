// Clients of the Unix socket where the user `default` has a password.
//
// Redis asks every client for it, whichever way it came. Who can open the socket has passed the 0700 directory that it
// lies in, and stock SmartRedis cannot authenticate: with TRUSTSOCKET yes such a client is logged in as it connects,
// and the password guards TCP alone.
#pragma once

#include "inferdb/api.hpp"

namespace inferstep {

void trust_local_clients(redis::Context* context);

}  // namespace inferstep
