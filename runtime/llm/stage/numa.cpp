#include "llm/stage/numa.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>

#include "place/topology.hpp"

namespace inferstep::llm {

std::vector<int> divide_threads(int threads, const std::vector<int>& cpus, int turn) {
    const auto count = static_cast<int>(cpus.size());
    const std::int64_t total = std::accumulate(cpus.begin(), cpus.end(), std::int64_t{0});
    std::vector<int> given(cpus.size(), 0);
    if (total <= 0) {
        return given;
    }
    struct Rest {
        std::int64_t size;
        int after;  // domains after the one whose turn it is
        std::size_t domain;
    };
    std::vector<Rest> rests;
    for (int i = 0; i < count; ++i) {
        const auto domain = static_cast<std::size_t>(i);
        const std::int64_t wanted = std::int64_t{threads} * cpus[domain];
        given[domain] = static_cast<int>(wanted / total);
        rests.push_back({wanted % total, (i - turn % count + count) % count, domain});
    }
    std::sort(rests.begin(), rests.end(),
              [](const Rest& a, const Rest& b) { return a.size != b.size ? a.size > b.size : a.after < b.after; });
    const int left = threads - std::accumulate(given.begin(), given.end(), 0);
    for (int i = 0; i < left; ++i) {  // fewer than there are domains
        ++given[rests[static_cast<std::size_t>(i)].domain];
    }
    return given;
}

std::vector<ThreadDomain> thread_domains(const Topology& topology, const CpuSet& mask, int threads, int turn) {
    std::map<int, CpuSet> nodes;  // a memory that spans packages is one here
    for (const Domain& domain : topology.domains) {
        if (const CpuSet cpus = domain.cpus & mask; !cpus.empty()) {
            nodes[domain.os] = nodes[domain.os] | cpus;
        }
    }
    if (nodes.size() < 2 || nodes.begin()->first < 0) {
        return {};
    }
    std::vector<int> counts;
    counts.reserve(nodes.size());
    for (const auto& [node, cpus] : nodes) {
        counts.push_back(cpus.count());
    }
    const std::vector<int> given = divide_threads(threads, counts, turn);
    std::vector<ThreadDomain> domains;
    for (auto one = given.begin(); const auto& [node, cpus] : nodes) {
        if (*one > 0) {
            domains.push_back({node, cpus, *one});
        }
        ++one;
    }
    return domains;
}

std::vector<ThreadDomain> thread_domains_here(int threads, int turn) {
    CpuSet mask;
    const Result<Topology> topology = load_topology("", false);
    return topology && get_affinity(0, mask) ? thread_domains(*topology, mask, threads, turn)
                                             : std::vector<ThreadDomain>();
}

std::vector<CpuSet> cpus_of_threads(const std::vector<ThreadDomain>& domains) {
    std::vector<CpuSet> cpus;
    for (const ThreadDomain& domain : domains) {
        cpus.insert(cpus.end(), static_cast<std::size_t>(domain.threads), domain.cpus);
    }
    return cpus;
}

std::string text_of(const std::vector<ThreadDomain>& domains) {
    std::string text = domains.size() == 1 ? "NUMA node" : "NUMA nodes";
    for (const ThreadDomain& domain : domains) {
        text += fmt::format("{} {} ({})", &domain == &domains.front() ? "" : ",", domain.node, domain.threads);
    }
    return text;
}

}  // namespace inferstep::llm
