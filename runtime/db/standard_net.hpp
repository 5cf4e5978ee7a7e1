// Where a shard listens: the node's address on an interface, and a free port.
#pragma once

#include <string>

#include "core/fd.hpp"
#include "core/result.hpp"

namespace inferstep {

// The IPv4 address of `interface`; of none named: of the only interface that is up and no loopback, of several the one
// that this machine's name leads to, else the first. Error: lists the interfaces that there are.
Result<std::string> interface_address(const std::string& interface);

// A port that no other program listens on, and no other supervisor of this machine will take as long as this lives.
struct ReservedPort {
    int number = 0;
    UniqueFd claim;
};

// The first free one from `first` on; with `bus` the port of the cluster's bus must be free as well.
Result<ReservedPort> reserve_port(const std::string& address, int first, bool bus);

}  // namespace inferstep
