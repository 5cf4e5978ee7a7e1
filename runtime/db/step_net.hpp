// TCP of co-located databases, beside their Unix sockets: where each listens, what a client must know, and how others
// than the tasks of the node find it.
//
// It is bound to one address and no other: that of the loopback, or of the interface that the user named. With a
// secret, a file of the state directory has it; the Unix socket asks for none. On an interface that other nodes reach,
// all nodes of the step have the same secret, and each database leaves an address file, <job>.<step>.<node>.db<i>,
// where --infer-attach looks. Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "core/step.hpp"
#include "db/instance.hpp"
#include "db/options.hpp"
#include "db/standard_net.hpp"
#include "db/state_dir.hpp"

namespace inferstep {

constexpr const char* kSecretName = "secret";  // in the state directory

// Where the databases of this node would listen. Error: no such interface; a public address without a secret.
Result<Interface> tcp_interface(const DbOptions& options);

// One line for a plan: "TCP: db0 at 10.0.0.1:6780, with the step's secret".
std::string tcp_plan(const DbOptions& options, const Interface& interface);

class StepNet {
   public:
    // Only where DbOptions::tcp is set. Makes the secret and its file.
    static Result<StepNet> open(const DbOptions& options, const StepIdentity& id, const StateDir& directory);

    // Where the next database listens. Error: its port is taken, and by whom. A database that is started anew keeps
    // what it got here.
    Result<Network> next();

    // All are ready: leave their address files, and warn where a client needs nothing.
    void announce(const std::vector<Instance>& instances);

    // The address files are removed.
    void retire();

    // Those files and their directories. After a SIGKILL whoever sweeps removes them.
    std::vector<std::string> files() const;

   private:
    StepNet(const DbOptions& options, const StepIdentity& id, Interface interface)
        : options_(&options), id_(&id), interface_(std::move(interface)) {}
    Status agree(const StateDir& directory);
    std::string record(std::size_t index) const;
    bool reachable() const { return !interface_.loopback; }

    const DbOptions* options_;
    const StepIdentity* id_;
    Interface interface_;
    std::string secret_;  // empty: none is needed
    std::string attach_;  // the directory of the address files; empty: none are left
    std::vector<ReservedPort> ports_;
};

}  // namespace inferstep
