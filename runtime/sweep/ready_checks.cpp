#include "sweep/ready_checks.hpp"

#include <algorithm>

#include "db/config.hpp"
#include "db/standard_net.hpp"
#include "place/topology.hpp"
#include "sweep/allocation.hpp"
#include "sweep/where.hpp"

namespace inferstep::sweep {
namespace {

constexpr long kFirstUserPort = 1024;

Status check_local(const ReadyFlags& flags, bool standard) {
    for (const char* name : {"nodes", "client_nodes", "db_nodes"}) {
        if ((std::string_view(name) == "nodes") == standard || flags.largest(name) == 1) {
            continue;
        }
        return with_hint(fail("--{}={}: without Slurm there is one node, this one", name, flags.largest(name)),
                         fmt::format("give --{}=1, or start inside an allocation", name));
    }
    if (standard && !flags.texts("db_hosts").empty()) {
        return fail("--db_hosts: without Slurm the database runs on this machine");
    }
    if (standard && flags.given("run_db_as_batch") && flags.on("run_db_as_batch")) {
        return fail("--run_db_as_batch=True: without Slurm there are no batch jobs; give --run_db_as_batch=False");
    }
    if (flags.text("device") != "GPU") {
        return Status::ok();
    }
    const Result<Topology> here = load_topology("", true);
    return !here || !here->gpus.empty()
               ? Status::ok()
               : Status(with_hint(fail("--device=GPU: this machine has no GPU that we may use"), "give --device=CPU"));
}

Status check_allocated(const ReadyFlags& flags, bool standard) {
    const Result<Allocation> allocation = read_allocation();
    if (!allocation) {
        return allocation.error();
    }
    const bool beside = standard && !flags.on("run_db_as_batch");
    const long clients = flags.largest(standard ? "client_nodes" : "nodes");
    const long all = clients + (beside ? flags.largest("db_nodes") : 0);
    const auto nodes = static_cast<long>(allocation->nodes.size());
    if (all > nodes) {
        return beside ? fail("--client_nodes={} and --db_nodes={} together need {} nodes, and the allocation {} has {}",
                             clients, flags.largest("db_nodes"), all, allocation->job, nodes)
                      : fail("--{}={}: the allocation {} has {} nodes", standard ? "client_nodes" : "nodes", clients,
                             allocation->job, nodes);
    }
    for (const std::string& host : beside ? flags.texts("db_hosts") : std::vector<std::string>()) {
        if (std::find(allocation->nodes.begin(), allocation->nodes.end(), host) == allocation->nodes.end()) {
            return with_hint(fail("--db_hosts: {} is not in the allocation {}", host, allocation->job),
                             fmt::format("it has {}", fmt::join(allocation->nodes, ", ")));
        }
    }
    return Status::ok();
}

Status check_hosts(const ReadyFlags& flags) {
    const std::vector<std::string>& hosts = flags.texts("db_hosts");
    if (hosts.empty()) {
        return Status::ok();
    }
    constexpr const char* kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    for (const std::string& host : hosts) {
        if (host[0] == '-' || host.find_first_not_of(kLetters) != std::string::npos) {
            return fail("--db_hosts: '{}' is no name of a host; a list of names is right, such as [node7,node8]", host);
        }
    }
    if (flags.texts("db_nodes").size() > 1) {
        return fail("--db_nodes: with --db_hosts it must be one number, that of the hosts: {}", hosts.size());
    }
    return flags.largest("db_nodes") == static_cast<long>(hosts.size())
               ? Status::ok()
               : Status(fail("--db_nodes={}: --db_hosts names {} hosts; as many as nodes are right",
                             flags.text("db_nodes"), hosts.size()));
}

// A cluster's bus has a port as well; a co-located database can be told to take what is free.
Status check_port(const ReadyFlags& flags, bool standard) {
    const long port = flags.largest("db_port");
    const long last = standard ? kMaxPort - kBusOffset : kMaxPort;
    if ((port == 0 && !standard) || (port >= kFirstUserPort && port <= last)) {
        return Status::ok();
    }
    return fail("--db_port={}: {} to {}{} is right", port, kFirstUserPort, last,
                standard ? "" : ", or 0 for a free one,");
}

bool is_here(const std::string& interface) { return static_cast<bool>(find_interface("", interface)); }

}  // namespace

Status check_folder_name(const std::string& name) {
    constexpr const char* kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
    return name[0] != '.' && name.find_first_not_of(kLetters) == std::string::npos
               ? Status::ok()
               : Status(fail("--exp_name={}: it names a folder; letters, digits and . _ + - are right, without a dot "
                             "in front",
                             name));
}

std::string launcher_place(const ReadyFlags& flags) {
    const std::string& launcher = flags.text("launcher");
    if (launcher == "slurm") {
        return inside_allocation() ? "auto" : "batch";
    }
    return launcher == "local" || choose_where({Point{}}) == Where::kLocal ? "local" : "auto";
}

Status check_resources(const ReadyFlags& flags, bool standard, bool local) {
    if (Status s = check_port(flags, standard); !s) {
        return s;
    }
    if (flags.given("num_devices") && flags.text("device") == "CPU") {
        return fail("--num_devices={} is about GPUs, and --device=CPU uses none", flags.text("num_devices"));
    }
    if (standard && flags.texts("pin_app_cpus") != std::vector<std::string>{"no"}) {
        return fail("--pin_app_cpus=True: the database has nodes of its own, there is nothing to keep clients off");
    }
    if (Status s = standard ? check_hosts(flags) : Status::ok(); !s) {
        return s;
    }
    if (local) {
        return check_local(flags, standard);
    }
    return inside_allocation() ? check_allocated(flags, standard) : Status::ok();
}

Result<std::string> choose_interface(const ReadyFlags& flags, bool standard, bool local,
                                     std::vector<std::string>& notes) {
    const std::string& wanted = flags.text("net_ifname");
    const bool named = flags.given("net_ifname");
    // Steps of batch jobs see other machines than this one.
    if (named && (local || inside_allocation())) {
        const Result<Interface> found = find_interface("--net_ifname", wanted);
        return found ? Result<std::string>(wanted) : found.error();
    }
    if (named || is_here(wanted)) {
        return wanted;
    }
    if (!standard) {
        notes.push_back(
            fmt::format("there is no interface {} here: the databases' port is that of lo; clients use the "
                        "Unix socket of their node anyway",
                        wanted));
        return std::string("lo");
    }
    if (local || !interface_address("")) {
        notes.push_back(fmt::format("there is no interface {} here: the database listens on lo", wanted));
        return std::string("lo");
    }
    notes.push_back(
        fmt::format("there is no interface {} here: each node of the database listens on the one that its "
                    "name leads to; --net_ifname names another",
                    wanted));
    return std::string();
}

}  // namespace inferstep::sweep
