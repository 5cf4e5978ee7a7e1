// Taker: takes CPUs out of domains, one database instance after the other, so that the tasks suffer least.
//
// Part of plan(). It keeps the account of what is still free and of what each task has left. It borrows the topology,
// which must outlive it. A copy is cheap and goes its own way, so that an attempt can start from one that took nothing.
#pragma once

#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "place/plan.hpp"

namespace inferstep {

enum class Grain { cores, threads };  // whole cores, or single hardware threads
enum class Fit { spread, tight };     // instances far from each other, or where they waste least

class Taker {
   public:
    // Of `usable`, CPUs in `avoid` and on their cores are the last resort.
    Taker(const Topology& topology, const std::vector<CpuSet>& tasks, const CpuSet& usable, const CpuSet& avoid,
          Grain grain);

    // The best domain for one more instance of `share` CPUs, or -1 when none has that many left. With `gpus`, domains
    // that have a GPU for each of their instances come before others.
    int choose_domain(int share, Fit fit, bool gpus) const;

    // Take at least `share` CPUs of a domain that has them; more only to complete a core.
    CpuSet take(int domain, int share);

    const CpuSet& taken() const { return taken_; }

   private:
    struct Unit {  // what is taken at once
        int core = 0;
        int domain = 0;
        int size = 0;
        bool avoid = false;  // another step's databases have reserved some of its core
        CpuSet cpus;
        std::vector<std::pair<std::size_t, int>> users;  // tasks with CPUs in it, and how many
    };
    struct Left {       // of a domain
        int free = 0;   // CPUs that may still be taken …
        int clean = 0;  // … none of which is to be avoided …
        int idle = 0;   // … and on which no task runs either
    };
    using Cost = std::tuple<bool, int, bool, int, bool, bool, int, int>;
    Cost cost(const Unit& unit, int wanted) const;
    void count(const Unit& unit, int sign);

    const Topology& topology_;
    std::shared_ptr<const std::vector<Unit>> units_;  // in the order of the cores
    std::vector<bool> gone_;                          // units that were taken
    std::vector<int> left_;                           // CPUs that each task has left
    std::vector<Left> domains_;
    std::vector<int> instances_;  // instances of each domain
    std::vector<bool> broken_;    // cores of which something was taken
    CpuSet taken_;
};

}  // namespace inferstep
