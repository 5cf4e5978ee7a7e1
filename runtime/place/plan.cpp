#include "place/plan.hpp"

#include <algorithm>

#include "core/cpulist.hpp"
#include "core/page.hpp"
#include "core/text.hpp"
#include "place/assign.hpp"
#include "place/blocks.hpp"
#include "place/layout.hpp"

namespace inferstep {
namespace {

CpuSet known_cpus(const Topology& topology) {
    CpuSet all;
    for (const Cpu& cpu : topology.cpus) {
        all.add(cpu.os);
    }
    return all;
}

// The domain with most of these CPUs.
int home_of(const Topology& topology, const CpuSet& cpus) {
    const auto shared = [&](const Domain& d) { return (d.cpus & cpus).count(); };
    return static_cast<int>(std::max_element(topology.domains.begin(), topology.domains.end(),
                                             [&](const Domain& a, const Domain& b) { return shared(a) < shared(b); }) -
                            topology.domains.begin());
}

Status check_tasks(const std::vector<CpuSet>& tasks, const CpuSet& step, const CpuSet& usable) {
    if (tasks.empty()) {
        return fail("no task of the step runs on this node, so there is nothing to place a database beside");
    }
    const auto idle = std::find_if(tasks.begin(), tasks.end(), [](const CpuSet& mask) { return mask.empty(); });
    if (idle != tasks.end()) {
        return fail("task {} of this node has an empty CPU mask; every task needs at least one CPU",
                    idle - tasks.begin());
    }
    if (usable.empty()) {
        return fail("the topology of this node has none of the step's CPUs ({})", cpu_list(step));
    }
    return Status::ok();
}

Status check_request(const PlanRequest& request, const CpuSet& usable) {
    const int most = available(usable, request);
    if (request.instances < 1 || request.instances > kMaxInstances) {
        return fail("--infer-colocate={} is not a number of instances; use 1 to {}", request.instances, kMaxInstances);
    }
    if (request.db_cpus < 0) {
        return fail("--infer-db-cpus={} is not a number of CPUs; use at least {}", request.db_cpus, request.instances);
    }
    if (most == 0) {
        return with_hint(
            fail("--infer-colocate={} leaves no CPU for the tasks: the step has 1 CPU on this node; give it "
                 "at least 2",
                 request.instances),
            "srun --cpus-per-task=2 …; or --infer-pin-app=no to let tasks and databases share the CPU");
    }
    if (request.instances > most) {
        return fail(
            "--infer-colocate={} needs a CPU for each instance{}: the step has {} on this node; ask for at most {}",
            request.instances, request.pin_app ? " and one for the tasks" : "", counted(usable.count(), "CPU"), most);
    }
    if (request.db_cpus != 0 && request.db_cpus < request.instances) {
        return fail(
            "--infer-db-cpus={} is less than one CPU for each of the {} instances of --infer-colocate; ask for at "
            "least {}",
            request.db_cpus, request.instances, request.instances);
    }
    return Status::ok();
}

Status check_devices(const Topology& topology, const PlanRequest& request) {
    const std::size_t gpus = request.gpus ? topology.gpus.size() : 0;
    if (request.devices < 0 || static_cast<std::size_t>(request.devices) > gpus) {
        return gpus == 0 ? with_hint(fail("--infer-num-devices={}: the step has no GPU on this node", request.devices),
                                     "ask for some (srun --gpus-per-node=…), or leave the option out")
                         : fail(
                               "--infer-num-devices={} is more than there are: the step has {} on this node; "
                               "ask for at most {}",
                               request.devices, counted(gpus, "GPU"), gpus);
    }
    return Status::ok();
}

Error does_not_fit(const PlanRequest& request, const CpuSet& usable, int most) {
    const std::string step = fmt::format("the step has {} on this node", counted(usable.count(), "CPU"));
    if (request.db_cpus > usable.count()) {
        return fail("--infer-db-cpus={} is more than there are: {}; ask for at most {}", request.db_cpus, step, most);
    }
    if (request.db_cpus > available(usable, request)) {
        return fail("--infer-db-cpus={} leaves no CPU for the tasks: {}; ask for at most {}", request.db_cpus, step,
                    most);
    }
    const int share = (request.db_cpus + request.instances - 1) / request.instances;
    return with_hint(
        fail("--infer-db-cpus={} does not fit: each instance takes its {} out of one NUMA domain, and the domains of "
             "the step have too few on this node; ask for at most {}",
             request.db_cpus, counted(share, "CPU"), most),
        "more instances (--infer-colocate) use more domains; `inferstep topo` shows them");
}

// Take the databases' CPUs out of the tasks' masks. A task that has none left shares what its domain has left.
void shrink_tasks(const Topology& topology, const CpuSet& usable, Plan& plan) {
    const CpuSet taken = cpus_of(plan);
    const CpuSet rest = usable - taken;
    std::string moved;
    for (std::size_t t = 0; t < plan.tasks.size(); ++t) {
        PlannedTask& task = plan.tasks[t];
        task.after = task.before - taken;
        if (!task.after.empty()) {
            continue;
        }
        const CpuSet near = rest & topology.domains[static_cast<std::size_t>(home_of(topology, task.before))].cpus;
        task.after = near.empty() ? rest : near;
        moved += fmt::format("{}{} to {}", moved.empty() ? "" : ", ", t, cpu_list(task.after));
    }
    if (!moved.empty()) {
        plan.notes.push_back("the databases took every CPU of some tasks, which now share CPUs with others: task " +
                             moved);
    }
}

void note_sizes(int wanted, const Layout& layout, Plan& plan) {
    const int total = layout.taken.count();
    if (total > wanted) {
        plan.notes.push_back(
            fmt::format("the databases have {} instead of {}: whole cores are taken, with all their hardware threads",
                        counted(total, "CPU"), wanted));
    }
    if (layout.threads) {
        plan.notes.push_back("whole cores do not fit here: databases and tasks share cores, by hardware threads");
    }
}

// What the databases share, though nobody would want it.
void note_sharing(const PlanRequest& request, const CpuSet& usable, const CpuSet& taken, Plan& plan) {
    CpuSet tasks;
    for (const PlannedTask& task : plan.tasks) {
        tasks = tasks | task.after;
    }
    if (!request.pin_app && !(tasks & taken).empty()) {
        plan.notes.push_back("the tasks keep their masks (--infer-pin-app=no) and share CPUs with the databases");
    }
    if (const CpuSet twice = taken & request.avoid; !twice.empty()) {
        plan.notes.push_back(
            fmt::format("databases of another step on this node have reserved CPUs {}, too: this step has no others",
                        cpu_list(twice)));
    }
    if (const CpuSet theirs = (usable & request.avoid) - taken; !theirs.empty()) {
        plan.notes.push_back(
            fmt::format("databases of another step on this node run on CPUs {}: {}", cpu_list(theirs),
                        (tasks & theirs).empty() ? "no task of this step does" : "tasks of this step do so as well"));
    }
}

}  // namespace

CpuSet united(const std::vector<CpuSet>& masks) {
    CpuSet all;
    for (const CpuSet& mask : masks) {
        all = all | mask;
    }
    return all;
}

CpuSet cpus_of(const Plan& plan) {
    CpuSet all;
    for (const PlannedInstance& instance : plan.instances) {
        all = all | instance.cpus;
    }
    return all;
}

Result<Plan> plan(const Topology& topology, const std::vector<CpuSet>& tasks, const PlanRequest& request) {
    const CpuSet has = request.step.empty() ? united(tasks) : request.step;
    const CpuSet usable = has & known_cpus(topology);
    if (Status s = check_tasks(tasks, has, usable); !s) {
        return s.error();
    }
    if (Status s = check_request(request, usable); !s) {
        return s.error();
    }
    if (Status s = check_devices(topology, request); !s) {
        return s.error();
    }
    const Room room{request, usable, Taker(topology, tasks, usable, request.avoid, Grain::cores),
                    Taker(topology, tasks, usable, request.avoid, Grain::threads)};
    Plan result;
    int db_cpus = request.db_cpus != 0 ? request.db_cpus : std::max(2, request.instances);
    Layout layout = lay_out(room, db_cpus);
    if (layout.instances.empty()) {
        const int most = most_that_fit(room, db_cpus);
        if (request.db_cpus != 0) {
            return does_not_fit(request, usable, most);
        }
        // A default gives way; a number that somebody asked for does not.
        result.notes.push_back(fmt::format("--infer-db-cpus is {} here instead of the usual {}", most, db_cpus));
        db_cpus = most;
        layout = lay_out(room, db_cpus);
    }
    note_sizes(db_cpus, layout, result);
    result.instances = std::move(layout.instances);
    for (const CpuSet& mask : tasks) {
        result.tasks.push_back({0, mask, mask});
    }
    if (request.pin_app) {
        shrink_tasks(topology, usable, result);
    }
    note_sharing(request, usable, layout.taken, result);
    assign_tasks(topology, result);
    if (request.gpus) {
        assign_gpus(topology, request.devices, result);
    }
    return result;
}

Result<Plan> plan_alone(const Topology& topology, const CpuSet& mask, const PlanRequest& request) {
    const CpuSet usable = mask & known_cpus(topology);
    const PlanRequest sharing{request.instances, 0, false, request.gpus, request.devices};
    if (Status s = check_tasks({mask}, mask, usable); !s) {
        return s.error();
    }
    if (Status s = check_request(sharing, usable); !s) {
        return s.error();
    }
    if (Status s = check_devices(topology, sharing); !s) {
        return s.error();
    }
    const Result<std::vector<CpuSet>> blocks = split_into_blocks(topology, usable, request.instances);
    if (!blocks) {
        return blocks.error();
    }
    Plan result;
    for (const CpuSet& block : *blocks) {
        result.instances.push_back({home_of(topology, block), block, {}});
    }
    if (request.gpus) {
        assign_gpus(topology, request.devices, result);
    }
    return result;
}

}  // namespace inferstep
