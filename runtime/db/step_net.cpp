#include "db/step_net.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/file.hpp"
#include "core/log.hpp"
#include "db/address.hpp"
#include "db/step_key.hpp"

namespace inferstep {
namespace {

// Neither the key of a step that has ended nor that of one of the same number in another cluster: srun's port tells
// them apart.
std::string step_text(const StepIdentity& id) {
    const char* port = std::getenv("SLURM_SRUN_COMM_PORT");
    return fmt::format("{} {} {}", step_name(id), port != nullptr ? port : "", geteuid());
}

Status write_secret(const StateDir& directory, const std::string& secret) {
    const Result<UniqueFd> file = directory.create_file(kSecretName);
    if (!file) {
        return file.error();
    }
    return write(file->get(), secret.data(), secret.size()) == static_cast<ssize_t>(secret.size())
               ? Status::ok()
               : Status(fail("cannot write {}: {}", directory.file(kSecretName), std::strerror(errno)));
}

}  // namespace

Result<Interface> tcp_interface(const DbOptions& options) {
    if (options.interface.empty()) {
        return Interface{"lo", "127.0.0.1", true};
    }
    Result<Interface> found = find_interface("--infer-net-ifname", options.interface);
    if (found && !options.tcp_secret && !found->loopback && !is_private(found->address)) {
        return with_hint(fail("--infer-tcp-auth=none: interface {} has the public address {}; without a secret it must "
                              "be the loopback or a private network",
                              found->name, found->address),
                         "use --infer-tcp-auth=secret, or name another --infer-net-ifname");
    }
    return found;
}

std::string tcp_plan(const DbOptions& options, const Interface& interface) {
    std::string ports = options.port == 0 ? fmt::format("free ports from {} on", kDefaultPort)
                        : options.instances == 1
                            ? fmt::format("port {}", options.port)
                            : fmt::format("ports {}-{}", options.port, options.port + options.instances - 1);
    return fmt::format("TCP: {} of {} ({}), {}\n", ports, interface.address, interface.name,
                       options.tcp_secret ? "with the step's secret" : "open to whoever reaches it");
}

Result<StepNet> StepNet::open(const DbOptions& options, const StepIdentity& id, const StateDir& directory) {
    Result<Interface> interface = tcp_interface(options);
    if (!interface) {
        return interface.error();
    }
    StepNet net(options, id, std::move(*interface));
    if (Result<std::string> base = attach_directory(); base && net.reachable()) {
        net.attach_ = std::move(*base);
    }
    if (Status s = options.tcp_secret ? net.agree(directory) : Status::ok(); !s) {
        return s.error();
    }
    return net;
}

// What no other node needs to know is not the same on any two.
Status StepNet::agree(const StateDir& directory) {
    const bool shared = reachable() && id_->nodes > 1;
    if (shared && attach_.empty()) {
        return attach_directory().error();
    }
    Result<std::string> secret = shared ? step_secret(attach_, step_text(*id_)) : random_hex(32);
    if (!secret) {
        return with_hint(
            secret.error(),
            fmt::format("all nodes of the step must see it: name a directory of a shared file system in {} "
                        "if the home is none",
                        kAttachDir));
    }
    secret_ = std::move(*secret);
    return write_secret(directory, secret_);
}

Result<Network> StepNet::next() {
    const std::string& address = interface_.address;
    const int before = ports_.empty() ? static_cast<int>(kDefaultPort) - 1 : ports_.back().number;
    Result<ReservedPort> port = options_->port == 0
                                    ? reserve_port(address, before + 1, false, "--infer-db-port")
                                    : take_port(address, options_->port + static_cast<int>(ports_.size()));
    if (!port) {
        return port.error();
    }
    ports_.push_back(std::move(*port));
    return Network{address, ports_.back().number, false, secret_};
}

std::string StepNet::record(std::size_t index) const {
    return fmt::format("{}/{}.{}.db{}", attach_, step_name(*id_), id_->node, index);
}

// That others do not find a database is no reason to end the step of those who have.
void StepNet::announce(const std::vector<Instance>& instances) {
    const bool speaks = id_->node_index == 0;
    for (std::size_t i = 0; i < instances.size() && !attach_.empty(); ++i) {
        const Status written = write_address(record(i), {{instances[i].network().endpoint()}, secret_});
        if (!written && speaks) {
            print_warning(fmt::format("--infer-attach will not find the databases: {}", written.error().message));
        }
    }
    if (secret_.empty() && speaks && !instances.empty()) {
        print_warning(fmt::format(
            "--infer-tcp-auth=none: whoever can connect to {}{} may read and replace everything in "
            "the databases, and run code as you by storing a model",
            instances[0].network().endpoint(), interface_.loopback ? ", which is every user of this node," : ""));
    }
}

std::vector<std::string> StepNet::files() const {
    std::vector<std::string> all;
    for (int i = 0; i < options_->instances && !attach_.empty(); ++i) {
        const std::vector<std::string> files = address_files(record(static_cast<std::size_t>(i)));
        all.insert(all.end(), files.begin(), files.end());
    }
    return all;
}

void StepNet::retire() {
    for (const std::string& path : files()) {
        std::remove(path.c_str());
    }
}

}  // namespace inferstep
