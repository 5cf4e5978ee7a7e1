#include "place/blocks.hpp"

#include "place/marks.hpp"

namespace inferstep {

Result<std::vector<CpuSet>> split_into_blocks(const Topology& topology, const CpuSet& mask, int tasks) {
    std::vector<CpuSet> cores;
    std::vector<CpuSet> threads;
    for (int d = 0; d < static_cast<int>(topology.domains.size()); ++d) {
        for (const std::vector<std::size_t>& core : cores_of(topology, d)) {
            CpuSet whole;
            for (const std::size_t c : core) {
                if (mask.has(topology.cpus[c].os)) {
                    whole.add(topology.cpus[c].os);
                    threads.emplace_back().add(topology.cpus[c].os);
                }
            }
            if (!whole.empty()) {
                cores.push_back(whole);
            }
        }
    }
    if (tasks < 1 || static_cast<std::size_t>(tasks) > threads.size()) {
        return fail("{} tasks cannot have a CPU each: there are {}; ask for 1 to {} tasks", tasks, threads.size(),
                    threads.size());
    }
    const auto n = static_cast<std::size_t>(tasks);
    const std::vector<CpuSet>& pieces = n <= cores.size() ? cores : threads;
    std::vector<CpuSet> blocks(n);
    for (std::size_t p = 0; p < pieces.size(); ++p) {
        CpuSet& block = blocks[p * n / pieces.size()];
        block = block | pieces[p];
    }
    return blocks;
}

}  // namespace inferstep
