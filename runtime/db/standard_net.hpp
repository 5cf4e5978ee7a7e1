// Where a database listens on TCP: the node's address on an interface, and a port.
#pragma once

#include <string>

#include "core/fd.hpp"
#include "core/result.hpp"

namespace inferstep {

struct Interface {
    std::string name;
    std::string address;  // IPv4, or where it has none IPv6
    bool loopback = false;
};

// `option` is how the message calls what names it. Error: lists the interfaces that there are.
Result<Interface> find_interface(const std::string& option, const std::string& name);

// Of a network that is not routed in the Internet (RFC 1918, 3927, 4193), or of the loopback.
bool is_private(const std::string& address);

// The IPv4 address of `interface`; of none named: of the only interface that is up and no loopback, of several the one
// that this machine's name leads to, else the first. Error: lists the interfaces that there are.
Result<std::string> interface_address(const std::string& interface);

// A port that no other program listens on, and no other supervisor of this machine will take as long as this lives.
struct ReservedPort {
    int number = 0;
    UniqueFd claim;
};

// The first free one from `first` on; with `bus` the port of the cluster's bus must be free as well. `option`: see
// above.
Result<ReservedPort> reserve_port(const std::string& address, int first, bool bus, const std::string& option);

// This one and no other; one that is just being given up is waited for, a second. Error: says who has it.
Result<ReservedPort> take_port(const std::string& address, int port);

}  // namespace inferstep
