// Where ranks meet: names of nodes and their addresses, sockets without a file, and the ports that a step may take.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/fd.hpp"
#include "core/result.hpp"
#include "core/step.hpp"

namespace inferstep::comm {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;
    std::string text() const;  // "10.0.0.1 port 20311", "[fd00::1] port 1", "@name"
    std::string host() const;  // "10.0.0.1"; empty: no network's
    bool is_loopback() const;
    int port() const;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// The first of "n[3-5],m1", where Slurm starts rank 0: "n3". Empty: no such list.
std::string first_node(std::string_view nodes);

// All addresses of a host, without a port. Error: the name leads nowhere.
Result<std::vector<SocketAddress>> host_addresses(const std::string& host);
// The address that Slurm itself uses for a node (NodeAddr), where it is no name of the network. Asks scontrol.
Result<std::vector<SocketAddress>> slurm_addresses(const std::string& node);
SocketAddress with_port(SocketAddress address, int port);

// A Unix socket without a file, gone with its last holder; of the network namespace.
SocketAddress abstract_address(const std::string& name);

// "boot id:network namespace": equal, and two processes can hand each other memory.
std::string machine_id();

// What rank 0 may listen on, in order: the ports that Slurm reserved for the step, and those that its name leads to;
// or, where all ranks are on one machine, names.
std::vector<int> candidate_ports(const StepIdentity& id);
std::vector<SocketAddress> candidate_names(const StepIdentity& id);

// Sockets that do not block. Errors have errno's words.
Result<UniqueFd> listen_at(const SocketAddress& address);
// On all addresses of this machine, of both families where there are both; port 0: any.
Result<UniqueFd> listen_everywhere(int port);
Result<UniqueFd> connect_within(const SocketAddress& address, int limit_ms);
SocketAddress own_address(int fd);
SocketAddress peer_address(int fd);
// A TCP connection to a rank: small messages at once, and an error when the other machine is not heard for so long.
void set_for_peer(int fd, std::int64_t silence_ms);
// Is the other end of a Unix socket this user's?
bool is_own_user(int fd);

}  // namespace inferstep::comm
