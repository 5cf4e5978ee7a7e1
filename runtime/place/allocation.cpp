#include "place/allocation.hpp"

#include <algorithm>
#include <map>

namespace inferstep {
namespace {

// The CPUs of every core, in the order in which Slurm counts the cores, which is hwloc's.
std::vector<CpuSet> cores_of_node(const Topology& topology) {
    std::map<int, CpuSet> by_core;
    for (const Cpu& cpu : topology.cpus) {
        by_core[cpu.core].add(cpu.os);
    }
    std::vector<CpuSet> cores;
    cores.reserve(by_core.size());
    for (const auto& [core, cpus] : by_core) {
        cores.push_back(cpus);
    }
    return cores;
}

CpuSet lowest(const CpuSet& set, int count) {
    CpuSet low;
    for (int c = set.next(0); c >= 0 && count > 0; c = set.next(c + 1), --count) {
        low.add(c);
    }
    return low;
}

CpuSet lowest_numbers(int count) {
    CpuSet low;
    for (int n = 0; n < count; ++n) {
        low.add(n);
    }
    return low;
}

}  // namespace

CpuSet allocated_cpus(const Topology& topology, const std::string& cores, const std::vector<CpuSet>& tasks) {
    CpuSet numbers;
    const std::vector<CpuSet> all = cores_of_node(topology);
    const int most = static_cast<int>(all.size());
    if (!parse_cpus(cores.c_str(), numbers)) {
        return {};
    }
    if (numbers.count() == most) {
        numbers = lowest_numbers(most);  // a cpuset hides the other cores, and the numbers left no longer fit
    }
    if (numbers.next(most) >= 0) {
        return {};
    }
    const auto even = [&](const CpuSet& core) { return core.count() == all[0].count(); };
    if (!std::all_of(all.begin(), all.end(), even)) {
        return {};  // Slurm knows machines whose cores are all alike
    }
    const CpuSet used = united(tasks);
    int threads = 0;  // that the tasks use of a core
    for (const CpuSet& core : all) {
        threads = std::max(threads, (core & used).count());
    }
    CpuSet allocated;
    for (int n = numbers.next(0); n >= 0; n = numbers.next(n + 1)) {
        const CpuSet& core = all[static_cast<std::size_t>(n)];
        const CpuSet in_use = core & used;
        allocated = allocated | (in_use.empty() ? lowest(core, threads) : in_use);
    }
    const auto apart = [&](const CpuSet& mask) { return (mask & allocated).empty(); };
    return std::any_of(tasks.begin(), tasks.end(), apart) ? CpuSet() : allocated;
}

}  // namespace inferstep
