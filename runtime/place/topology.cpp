#include "place/topology.hpp"

#include <hwloc.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "place/gpus.hpp"

namespace inferstep {
namespace {

Error not_a_topology(const std::string& xml) {
    return with_hint(fail("{} is not an hwloc topology of a version that is known here", xml),
                     "`lstopo --of xml FILE` writes one; hwloc 3 needs --export-xml-flags v2");
}

struct Destroy {
    void operator()(hwloc_topology* t) const { hwloc_topology_destroy(t); }
};
using Handle = std::unique_ptr<hwloc_topology, Destroy>;

Result<Handle> load(const std::string& xml, bool with_gpus) {
    if (!xml.empty() && access(xml.c_str(), R_OK) != 0) {
        return fail("cannot read the topology file {}: {}", xml, std::strerror(errno));
    }
    hwloc_topology_t raw = nullptr;
    if (hwloc_topology_init(&raw) != 0) {
        return fail("hwloc cannot start: {}", std::strerror(errno));
    }
    Handle handle(raw);
    if (with_gpus) {
        hwloc_topology_set_io_types_filter(raw, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    }
    if (!xml.empty() && hwloc_topology_set_xml(raw, xml.c_str()) != 0) {
        return not_a_topology(xml);
    }
    if (hwloc_topology_load(raw) != 0) {
        return xml.empty() ? fail("hwloc cannot read this machine's topology: {}", std::strerror(errno))
                           : not_a_topology(xml);
    }
    return handle;
}

int package_of(hwloc_topology_t t, hwloc_obj_t object) {
    hwloc_obj* const package = hwloc_get_ancestor_obj_by_type(t, HWLOC_OBJ_PACKAGE, object);
    return package != nullptr ? static_cast<int>(package->logical_index) : 0;
}

// NUMA nodes with CPUs, the smallest first: where a CPU has several memories (HBM beside DRAM), the closest names its
// domain, and of equally close ones the first.
std::vector<hwloc_obj_t> memories(hwloc_topology_t t) {
    std::vector<hwloc_obj_t> nodes;
    for (hwloc_obj_t node = nullptr; (node = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_NUMANODE, node)) != nullptr;) {
        nodes.push_back(node);
    }
    std::stable_sort(nodes.begin(), nodes.end(), [](hwloc_obj_t a, hwloc_obj_t b) {
        return hwloc_bitmap_weight(a->cpuset) < hwloc_bitmap_weight(b->cpuset);
    });
    return nodes;
}

// The domain of a CPU: its closest memory, or, where the step may use none of its memories, the rest of its package.
// A memory that spans packages (interleaved by the firmware) is a domain in each.
Domain domain_of(hwloc_topology_t t, hwloc_obj_t pu, const std::vector<hwloc_obj_t>& nodes) {
    const auto node = std::find_if(nodes.begin(), nodes.end(),
                                   [&](hwloc_obj_t n) { return hwloc_bitmap_isset(n->cpuset, pu->os_index) != 0; });
    return {node != nodes.end() ? static_cast<int>((*node)->os_index) : -1, package_of(t, pu), {}};
}

Result<Topology> reduce(hwloc_topology_t t) {
    Topology topology;
    const std::vector<hwloc_obj_t> nodes = memories(t);
    const int cores = hwloc_get_nbobjs_by_type(t, HWLOC_OBJ_CORE);
    for (hwloc_obj_t pu = nullptr; (pu = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_PU, pu)) != nullptr;) {
        if (pu->os_index >= static_cast<unsigned>(kMaxCpus)) {
            return fail("this node has a CPU {}; CPUs above {} are not handled", pu->os_index, kMaxCpus - 1);
        }
        const Domain wanted = domain_of(t, pu, nodes);
        auto domain = std::find_if(topology.domains.begin(), topology.domains.end(),
                                   [&](const Domain& d) { return d.os == wanted.os && d.package == wanted.package; });
        if (domain == topology.domains.end()) {
            domain = topology.domains.insert(domain, wanted);
        }
        const int os = static_cast<int>(pu->os_index);
        domain->cpus.add(os);
        // Where cores are not known every CPU is one.
        hwloc_obj* const core = hwloc_get_ancestor_obj_by_type(t, HWLOC_OBJ_CORE, pu);
        const unsigned index = core != nullptr ? core->logical_index : static_cast<unsigned>(cores) + pu->logical_index;
        topology.cpus.push_back({os, static_cast<int>(index), static_cast<int>(domain - topology.domains.begin())});
    }
    if (topology.cpus.empty()) {
        return fail("the topology has no CPU that may be used");
    }
    return topology;
}

}  // namespace

Result<Topology> load_topology(const std::string& xml, bool with_gpus) {
    const Result<Handle> handle = load(xml, with_gpus);
    if (!handle) {
        return handle.error();
    }
    Result<Topology> topology = reduce(handle->get());
    if (!topology) {
        return topology.error();
    }
    topology->here = hwloc_topology_is_thissystem(handle->get()) != 0;
    if (with_gpus) {
        find_gpus(handle->get(), *topology);
    }
    return topology;
}

}  // namespace inferstep
