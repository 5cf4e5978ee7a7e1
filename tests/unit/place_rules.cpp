#include "place_rules.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "check.hpp"
#include "core/cpulist.hpp"
#include "place/topology.hpp"

namespace inferstep::test {
namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

CpuSet union_of(const std::vector<CpuSet>& masks) {
    CpuSet all;
    for (const CpuSet& mask : masks) {
        all = all | mask;
    }
    return all;
}

CpuSet taken_by(const Plan& plan) {
    CpuSet all;
    for (const PlannedInstance& instance : plan.instances) {
        all = all | instance.cpus;
    }
    return all;
}

bool has_note(const Plan& plan, const std::string& words) {
    return std::any_of(plan.notes.begin(), plan.notes.end(),
                       [&](const std::string& note) { return note.find(words) != std::string::npos; });
}

std::string wrong_instances(const Topology& topology, const CpuSet& step, const PlanRequest& request,
                            const Plan& plan) {
    int total = 0;
    int smallest = kMaxCpus;
    int largest = 0;
    for (const PlannedInstance& instance : plan.instances) {
        if (!(instance.cpus - step).empty() || !(instance.cpus - topology.domains[at(instance.domain)].cpus).empty()) {
            return "an instance has CPUs outside the step or its domain";
        }
        total += instance.cpus.count();
        smallest = std::min(smallest, instance.cpus.count());
        largest = std::max(largest, instance.cpus.count());
    }
    if (static_cast<int>(plan.instances.size()) != request.instances || smallest == 0) {
        return "not every instance has a CPU";
    }
    if (total != taken_by(plan).count()) {
        return "instances overlap";
    }
    if (request.db_cpus != 0 && (total < request.db_cpus || smallest < request.db_cpus / request.instances)) {
        return "the databases have less than was asked for";
    }
    const bool even = has_note(plan, "hardware threads") || largest - smallest <= 1;
    return even ? "" : "the instances' shares differ by more than one CPU";
}

// CPUs of other steps' databases are taken only with a note, and only where the others would not do.
std::string wrong_neighbours(const Topology& topology, const std::vector<CpuSet>& tasks, PlanRequest request,
                             const CpuSet& step, const Plan& plan) {
    if ((taken_by(plan) & request.avoid).empty()) {
        return "";
    }
    if (!has_note(plan, "this step has no others")) {
        return "no note says that another step's databases have the same CPUs";
    }
    std::set<int> avoided;
    for (const Cpu& cpu : topology.cpus) {
        if (request.avoid.has(cpu.os)) {
            avoided.insert(cpu.core);
        }
    }
    CpuSet others = step;
    for (const Cpu& cpu : topology.cpus) {
        if (avoided.contains(cpu.core)) {
            others.remove(cpu.os);
        }
    }
    if (others.empty() || request.db_cpus == 0) {
        return "";
    }
    request.step = others;
    request.avoid = {};
    return inferstep::plan(topology, tasks, request) ? "another step's CPUs were taken though others would do" : "";
}

// A core is one instance's, as far as it is in the step, or nobody's.
std::string wrong_cores(const Topology& topology, const CpuSet& step, const Plan& plan) {
    if (has_note(plan, "share cores")) {
        return "";
    }
    std::map<int, CpuSet> cores;
    for (const Cpu& cpu : topology.cpus) {
        if (step.has(cpu.os)) {
            cores[cpu.core].add(cpu.os);
        }
    }
    for (const auto& [core, in_core] : cores) {
        for (const PlannedInstance& instance : plan.instances) {
            const CpuSet part = instance.cpus & in_core;
            if (!part.empty() && !(part == in_core)) {
                return fmt::format("core {} is split though no note says so", core);
            }
        }
    }
    return "";
}

std::string wrong_tasks(const std::vector<CpuSet>& tasks, const CpuSet& step, const PlanRequest& request,
                        const Plan& plan) {
    if (plan.tasks.size() != tasks.size()) {
        return "the number of tasks changed";
    }
    const CpuSet taken = taken_by(plan);
    for (std::size_t t = 0; t < tasks.size(); ++t) {
        const PlannedTask& task = plan.tasks[t];
        if (!(task.before == tasks[t]) || task.after.empty() || !(task.after - step).empty()) {
            return fmt::format("task {} has no CPU or one outside the step", t);
        }
        if (!request.pin_app && !(task.after == task.before)) {
            return fmt::format("task {} was moved in spite of pin_app=no", t);
        }
        if (request.pin_app && !(task.after & taken).empty()) {
            return fmt::format("task {} keeps a CPU of a database", t);
        }
        const CpuSet left = tasks[t] - taken;
        if (request.pin_app && !left.empty() && !(left == task.after)) {
            return fmt::format("task {} has {} instead of {}", t, cpu_list(task.after), cpu_list(left));
        }
        if (task.instance < 0 || task.instance >= request.instances) {
            return fmt::format("task {} has no instance", t);
        }
    }
    return "";
}

// A task whose CPUs all lie in a domain with databases is given one of those.
std::string wrong_homes(const Topology& topology, const Plan& plan) {
    for (std::size_t t = 0; t < plan.tasks.size(); ++t) {
        const int given = plan.instances[at(plan.tasks[t].instance)].domain;
        for (const PlannedInstance& instance : plan.instances) {
            const bool inside = (plan.tasks[t].after - topology.domains[at(instance.domain)].cpus).empty();
            if (inside && given != instance.domain) {
                return fmt::format("task {} is given a database of domain {}, not its own {}", t, given,
                                   instance.domain);
            }
        }
    }
    return "";
}

std::string wrong_gpus(const Topology& topology, const PlanRequest& request, const Plan& plan) {
    std::map<int, int> users;
    std::size_t fewest = topology.gpus.size();
    std::size_t most = 0;
    for (const PlannedInstance& instance : plan.instances) {
        fewest = std::min(fewest, instance.gpus.size());
        most = std::max(most, instance.gpus.size());
        for (const int gpu : instance.gpus) {
            ++users[gpu];
        }
    }
    if (!request.gpus || topology.gpus.empty()) {
        return most == 0 ? "" : "GPUs were given that nobody asked for";
    }
    if (most - fewest > 1 || fewest == 0) {
        return "the GPUs are not split evenly";
    }
    const std::size_t devices = request.devices > 0 ? static_cast<std::size_t>(request.devices) : topology.gpus.size();
    const bool scarce = devices < plan.instances.size();
    for (const auto& [gpu, count] : users) {
        if (count > 1 && !(scarce && has_note(plan, "share"))) {
            return fmt::format("GPU {} is given twice", gpu);
        }
    }
    return users.size() == devices ? "" : "not as many GPUs are given as were asked for";
}

}  // namespace

std::string broken_rule(const Topology& topology, const std::vector<CpuSet>& tasks, const PlanRequest& request,
                        const Plan& plan) {
    const CpuSet step = request.step.empty() ? union_of(tasks) : request.step;
    for (const std::string& wrong :
         {wrong_instances(topology, step, request, plan), wrong_cores(topology, step, plan),
          wrong_tasks(tasks, step | union_of(tasks), request, plan), wrong_homes(topology, plan),
          wrong_gpus(topology, request, plan), wrong_neighbours(topology, tasks, request, step, plan)}) {
        if (!wrong.empty()) {
            return wrong;
        }
    }
    return "";
}

const std::vector<std::string>& machines() {
    static const std::vector<std::string> names = {
        "1socket", "1socket-smt", "2socket-smt", "2socket-odd-even",  "8gpu",    "snc2",      "nps4",
        "hbm",     "cxl",         "interleaved", "restricted-memory", "offline", "restricted"};
    return names;
}

Topology machine(const std::string& name) {
    Result<Topology> topology = load_topology(source_path("tests/topo/" + name + ".xml"), true);
    CHECK_IN(topology ? name : topology.error().message, topology);
    return topology ? std::move(*topology) : Topology{};
}

CpuSet cpus(const char* list) {
    CpuSet set;
    CHECK_IN(list, parse_cpus(list, set));
    return set;
}

CpuSet all_cpus(const Topology& topology) {
    CpuSet all;
    for (const Cpu& cpu : topology.cpus) {
        all.add(cpu.os);
    }
    return all;
}

}  // namespace inferstep::test
