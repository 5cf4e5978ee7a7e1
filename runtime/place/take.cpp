#include "place/take.hpp"

#include <algorithm>
#include <set>

namespace inferstep {
namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

}  // namespace

Taker::Taker(const Topology& topology, const std::vector<CpuSet>& tasks, const CpuSet& usable, const CpuSet& avoid,
             Grain grain)
    : topology_(topology), domains_(topology.domains.size()), instances_(topology.domains.size(), 0) {
    std::vector<Unit> units;
    std::vector<Cpu> cpus = topology.cpus;
    std::stable_sort(cpus.begin(), cpus.end(), [](const Cpu& a, const Cpu& b) { return a.core < b.core; });
    std::set<int> avoided;  // cores
    for (const Cpu& cpu : cpus) {
        if (avoid.has(cpu.os)) {
            avoided.insert(cpu.core);
        }
    }
    for (const Cpu& cpu : cpus) {
        if (!usable.has(cpu.os)) {
            continue;
        }
        if (grain == Grain::threads || units.empty() || units.back().core != cpu.core) {
            units.push_back({cpu.core, cpu.domain, 0, avoided.contains(cpu.core), {}, {}});
        }
        units.back().cpus.add(cpu.os);
        ++units.back().size;
        broken_.resize(std::max(broken_.size(), at(cpu.core) + 1), false);
    }
    for (const CpuSet& mask : tasks) {
        left_.push_back((mask & usable).count());
    }
    for (Unit& unit : units) {
        for (std::size_t t = 0; t < tasks.size(); ++t) {
            if (const int shared = (tasks[t] & unit.cpus).count(); shared > 0) {
                unit.users.emplace_back(t, shared);
            }
        }
        count(unit, 1);
    }
    gone_.assign(units.size(), false);
    units_ = std::make_shared<const std::vector<Unit>>(std::move(units));
}

void Taker::count(const Unit& unit, int sign) {
    Left& left = domains_[at(unit.domain)];
    left.free += sign * unit.size;
    left.clean += unit.avoid ? 0 : sign * unit.size;
    left.idle += unit.avoid || !unit.users.empty() ? 0 : sign * unit.size;
}

int Taker::choose_domain(int share, Fit fit, bool gpus) const {
    using Key = std::tuple<bool, int, bool, int, bool, bool, int, int>;
    int best = -1;
    Key best_key;
    for (int d = 0; d < static_cast<int>(domains_.size()); ++d) {
        const Left& left = domains_[at(d)];
        if (left.free < share) {
            continue;
        }
        int in_package = 0;
        for (int e = 0; e < static_cast<int>(domains_.size()); ++e) {
            in_package += topology_.domains[at(e)].package == topology_.domains[at(d)].package ? instances_[at(e)] : 0;
        }
        const auto near = std::count_if(topology_.gpus.begin(), topology_.gpus.end(),
                                        [d](const Gpu& gpu) { return gpu.domain == d; });
        const bool no_gpu = gpus && near <= instances_[at(d)];
        const bool avoided = left.clean < share;
        const bool from_tasks = left.idle < share;
        const int size = avoided ? left.free : left.clean;
        const bool needs_cpu_0 = topology_.domains[at(d)].cpus.has(0) && size == share;
        const int first = fit == Fit::spread ? instances_[at(d)] : size;
        const int last = fit == Fit::spread ? -size : 0;
        const Key key{avoided, first, no_gpu, in_package, from_tasks, needs_cpu_0, last, d};
        if (best < 0 || key < best_key) {
            best = d;
            best_key = key;
        }
    }
    return best;
}

// Smaller is better: what another step's databases have; tasks that would lose their last CPU; a core of tasks where
// there are idle ones; CPUs that nobody asked for; a core of which nothing is taken yet; CPU 0, where the operating
// system works; tasks that have little left; the lower cores.
Taker::Cost Taker::cost(const Unit& unit, int wanted) const {
    int lost = 0;
    int least_left = kMaxCpus;
    for (const auto& [task, shared] : unit.users) {
        lost += left_[task] == shared ? 1 : 0;
        least_left = std::min(least_left, left_[task]);
    }
    return {
        unit.avoid,       lost,        !unit.users.empty(), std::max(0, unit.size - wanted), !broken_[at(unit.core)],
        unit.cpus.has(0), -least_left, -unit.core};
}

CpuSet Taker::take(int domain, int share) {
    CpuSet got;
    for (int wanted = share; wanted > 0;) {
        std::size_t best = units_->size();
        Cost best_cost;
        for (std::size_t u = 0; u < units_->size(); ++u) {
            if (gone_[u] || (*units_)[u].domain != domain) {
                continue;
            }
            const Cost c = cost((*units_)[u], wanted);
            if (best == units_->size() || c <= best_cost) {
                best = u;
                best_cost = c;
            }
        }
        if (best == units_->size()) {
            break;
        }
        const Unit& unit = (*units_)[best];
        gone_[best] = true;
        got = got | unit.cpus;
        wanted -= unit.size;
        count(unit, -1);
        broken_[at(unit.core)] = true;
        for (const auto& [task, shared] : unit.users) {
            left_[task] -= shared;
        }
    }
    taken_ = taken_ | got;
    ++instances_[at(domain)];
    return got;
}

}  // namespace inferstep
