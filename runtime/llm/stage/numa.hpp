// Which NUMA domains the threads of a stage run in, so that each finds its share of the weights in its own memory.
#pragma once

#include <string>
#include <vector>

#include "core/cpuset.hpp"
#include "place/plan.hpp"

namespace inferstep::llm {

struct ThreadDomain {
    int node = 0;  // NUMA node as the operating system numbers it
    CpuSet cpus;   // those of the mask
    int threads = 0;
};

// How many of the threads each domain gets, in proportion to its CPUs. What is left over goes to the largest
// remainders; of equal ones the domain `turn` is first, then those that follow it: ranks that share a mask take turns.
std::vector<int> divide_threads(int threads, const std::vector<int>& cpus, int turn);

// The domains among which a mask is divided, in the order of their nodes, those without a thread left out. None where
// all CPUs are of one domain, or where some have no memory that this process may use: there is nothing to choose.
std::vector<ThreadDomain> thread_domains(const Topology& topology, const CpuSet& mask, int threads, int turn);

// Of this process on this machine; none where either cannot be read.
std::vector<ThreadDomain> thread_domains_here(int threads, int turn);

std::vector<CpuSet> cpus_of_threads(const std::vector<ThreadDomain>& domains);
std::string text_of(const std::vector<ThreadDomain>& domains);  // "NUMA nodes 0 (8), 1 (8)"

}  // namespace inferstep::llm
