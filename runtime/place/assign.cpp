#include "place/assign.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "core/text.hpp"

namespace inferstep {
namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

CpuSet package_cpus(const Topology& topology, int package) {
    CpuSet all;
    for (const Domain& domain : topology.domains) {
        all = domain.package == package ? all | domain.cpus : all;
    }
    return all;
}

// How many of the task's CPUs lie in `cpus`: none where it has none left, else those it had, too, so that a mask over
// the whole node is not drawn to the place from which a database took one CPU less.
int presence(const PlannedTask& task, const CpuSet& cpus) {
    return (task.after & cpus).empty() ? 0 : ((task.before | task.after) & cpus).count();
}

// The instances that are near a task: a place with more than half as many of its CPUs as the best one is as good.
std::vector<int> near_instances(const Topology& topology, const Plan& plan, const PlannedTask& task) {
    std::vector<int> by_domain;
    std::vector<int> by_package;
    for (const PlannedInstance& instance : plan.instances) {
        const Domain& domain = topology.domains[at(instance.domain)];
        by_domain.push_back(presence(task, domain.cpus));
        by_package.push_back(presence(task, package_cpus(topology, domain.package)));
    }
    for (const std::vector<int>& overlap : {by_domain, by_package}) {
        const int best = *std::max_element(overlap.begin(), overlap.end());
        std::vector<int> near;
        for (std::size_t i = 0; i < overlap.size(); ++i) {
            if (best > 0 && overlap[i] * 2 > best) {
                near.push_back(static_cast<int>(i));
            }
        }
        if (!near.empty()) {
            return near;
        }
    }
    std::vector<int> all(plan.instances.size());
    std::iota(all.begin(), all.end(), 0);
    return all;
}

// 0: same domain, 1: same package, 2: elsewhere.
int distance(const Topology& topology, const PlannedInstance& instance, const Gpu& gpu) {
    if (gpu.domain < 0) {
        return 2;
    }
    if (gpu.domain == instance.domain) {
        return 0;
    }
    return topology.domains[at(gpu.domain)].package == topology.domains[at(instance.domain)].package ? 1 : 2;
}

// Give each instance up to its quota of the GPUs that are not `given` yet, near ones before far ones, `limit` in all.
void deal_gpus(const Topology& topology, std::vector<int> wants, int limit, std::vector<bool>& given, Plan& plan) {
    for (int reach = 0; reach <= 2; ++reach) {
        for (std::size_t g = 0; g < topology.gpus.size() && limit > 0; ++g) {
            int best = -1;
            for (int i = 0; i < static_cast<int>(plan.instances.size()) && !given[g]; ++i) {
                if (wants[at(i)] > 0 && distance(topology, plan.instances[at(i)], topology.gpus[g]) <= reach &&
                    (best < 0 || wants[at(i)] > wants[at(best)])) {
                    best = i;
                }
            }
            if (best >= 0) {
                given[g] = true;
                --wants[at(best)];
                --limit;
                plan.instances[at(best)].gpus.push_back(topology.gpus[g].index);
            }
        }
    }
}

// Fewer GPUs than instances: those that were given none yet get the nearest one that has not its full number of users.
void share_gpus(const Topology& topology, int gpus, Plan& plan) {
    std::map<int, int> users;
    for (const PlannedInstance& instance : plan.instances) {
        if (!instance.gpus.empty()) {
            users[instance.gpus[0]] = 1;
        }
    }
    const int full = (static_cast<int>(plan.instances.size()) + gpus - 1) / gpus;
    for (PlannedInstance& instance : plan.instances) {
        if (!instance.gpus.empty()) {
            continue;
        }
        const Gpu* best = nullptr;
        const auto key = [&](const Gpu& gpu) {
            return std::tuple(users[gpu.index] >= full, distance(topology, instance, gpu), users[gpu.index]);
        };
        for (const Gpu& gpu : topology.gpus) {
            if (users.contains(gpu.index) && (best == nullptr || key(gpu) < key(*best))) {
                best = &gpu;
            }
        }
        ++users[best->index];
        instance.gpus = {best->index};
    }
    plan.notes.push_back(fmt::format("{} instances share {}", plan.instances.size(), counted(gpus, "GPU")));
}

}  // namespace

void assign_tasks(const Topology& topology, Plan& plan) {
    std::vector<std::vector<int>> near;
    for (const PlannedTask& task : plan.tasks) {
        near.push_back(near_instances(topology, plan, task));
    }
    // Those that have no choice first; the others then even the numbers out.
    std::vector<int> load(plan.instances.size(), 0);
    for (const bool choosers : {false, true}) {
        for (std::size_t t = 0; t < plan.tasks.size(); ++t) {
            if ((near[t].size() > 1) != choosers) {
                continue;
            }
            plan.tasks[t].instance = *std::min_element(near[t].begin(), near[t].end(),
                                                       [&](int a, int b) { return load[at(a)] < load[at(b)]; });
            ++load[at(plan.tasks[t].instance)];
        }
    }
}

void assign_gpus(const Topology& topology, int devices, Plan& plan) {
    const int gpus = devices > 0 ? devices : static_cast<int>(topology.gpus.size());
    const int instances = static_cast<int>(plan.instances.size());
    if (gpus == 0) {
        return;
    }
    std::vector<bool> given(topology.gpus.size(), false);
    if (gpus < instances) {
        // Near instances that lie apart from each other, as their order has it.
        std::vector<int> wants(plan.instances.size(), 0);
        for (int g = 0; g < gpus; ++g) {
            wants[at(g * instances / gpus)] = 1;
        }
        deal_gpus(topology, wants, gpus, given, plan);
        share_gpus(topology, gpus, plan);
        return;
    }
    // First as many to each as all can have, then what is over, at most one to each.
    deal_gpus(topology, std::vector<int>(plan.instances.size(), gpus / instances), gpus, given, plan);
    deal_gpus(topology, std::vector<int>(plan.instances.size(), 1), gpus % instances, given, plan);
    for (PlannedInstance& instance : plan.instances) {
        std::sort(instance.gpus.begin(), instance.gpus.end());
    }
}

}  // namespace inferstep
