#include "place/take.hpp"

#include <algorithm>

namespace inferstep {
namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

}  // namespace

Taker::Taker(const Topology& topology, const std::vector<CpuSet>& tasks, const CpuSet& usable, Grain grain)
    : topology_(topology), tasks_(tasks), free_(topology.domains.size(), 0), instances_(topology.domains.size(), 0) {
    std::vector<Cpu> cpus = topology.cpus;
    std::stable_sort(cpus.begin(), cpus.end(), [](const Cpu& a, const Cpu& b) { return a.core < b.core; });
    for (const Cpu& cpu : cpus) {
        if (!usable.has(cpu.os)) {
            continue;
        }
        if (grain == Grain::threads || units_.empty() || units_.back().core != cpu.core) {
            units_.push_back({cpu.core, cpu.domain, 0, {}});
        }
        units_.back().cpus.add(cpu.os);
        ++units_.back().size;
        ++free_[at(cpu.domain)];
        broken_.resize(std::max(broken_.size(), at(cpu.core) + 1), false);
    }
    for (const CpuSet& mask : tasks) {
        left_.push_back((mask & usable).count());
    }
}

int Taker::choose_domain(int share, Fit fit, bool gpus) const {
    using Key = std::tuple<int, bool, int, bool, int, int>;
    int best = -1;
    Key best_key;
    for (int d = 0; d < static_cast<int>(free_.size()); ++d) {
        if (free_[at(d)] < share) {
            continue;
        }
        int in_package = 0;
        for (int e = 0; e < static_cast<int>(free_.size()); ++e) {
            in_package += topology_.domains[at(e)].package == topology_.domains[at(d)].package ? instances_[at(e)] : 0;
        }
        const auto near = std::count_if(topology_.gpus.begin(), topology_.gpus.end(),
                                        [d](const Gpu& gpu) { return gpu.domain == d; });
        const bool no_gpu = gpus && near <= instances_[at(d)];
        const bool needs_cpu_0 = topology_.domains[at(d)].cpus.has(0) && free_[at(d)] == share;
        const Key key = fit == Fit::spread ? Key{instances_[at(d)], no_gpu, in_package, needs_cpu_0, -free_[at(d)], d}
                                           : Key{free_[at(d)], no_gpu, in_package, needs_cpu_0, 0, d};
        if (best < 0 || key < best_key) {
            best = d;
            best_key = key;
        }
    }
    return best;
}

// Smaller is better: tasks that would lose their last CPU; CPUs that nobody asked for; a core of which nothing is taken
// yet; CPU 0, where the operating system works; the fewest CPUs that a task would have left; the lower cores.
Taker::Cost Taker::cost(const Unit& unit, int wanted) const {
    int lost = 0;
    int least_left = kMaxCpus;
    for (std::size_t t = 0; t < tasks_.size(); ++t) {
        const int overlap = (tasks_[t] & unit.cpus).count();
        if (overlap > 0) {
            lost += left_[t] == overlap ? 1 : 0;
            least_left = std::min(least_left, left_[t] - overlap);
        }
    }
    return {lost, std::max(0, unit.size - wanted), !broken_[at(unit.core)], unit.cpus.has(0), -least_left, -unit.core};
}

CpuSet Taker::take(int domain, int share) {
    CpuSet got;
    for (int wanted = share; wanted > 0;) {
        auto best = units_.end();
        Cost best_cost;
        for (auto unit = units_.begin(); unit != units_.end(); ++unit) {
            if (unit->domain != domain) {
                continue;
            }
            const Cost c = cost(*unit, wanted);
            if (best == units_.end() || c <= best_cost) {
                best = unit;
                best_cost = c;
            }
        }
        if (best == units_.end()) {
            break;
        }
        got = got | best->cpus;
        wanted -= best->size;
        free_[at(domain)] -= best->size;
        broken_[at(best->core)] = true;
        for (std::size_t t = 0; t < tasks_.size(); ++t) {
            left_[t] -= (tasks_[t] & best->cpus).count();
        }
        units_.erase(best);
    }
    taken_ = taken_ | got;
    ++instances_[at(domain)];
    return got;
}

}  // namespace inferstep
