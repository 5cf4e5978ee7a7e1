// Who has a TCP port, for the message that says so.
#pragma once

#include <string>

namespace inferstep {

// "pid 4711, redis-server …" where the holder is a process that we may look at, else "a program of user bob"; empty:
// nobody listens on this port.
std::string port_holder(int port);

}  // namespace inferstep
