// The guarantees of a plan on every machine of tests/topo, for many requests and many layouts of tasks.
#include <algorithm>
#include <random>

#include "check.hpp"
#include "core/cpulist.hpp"
#include "place/blocks.hpp"
#include "place_rules.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

struct Layout {
    std::string name;
    std::vector<CpuSet> tasks;
};

// Tasks as Slurm lays them out, and as it never would.
std::vector<Layout> layouts(const Topology& topology, std::mt19937& random) {
    std::vector<Layout> all;
    const CpuSet every = all_cpus(topology);
    for (const int n : {1, 2, 3, 4, 7, 8, 16, 24, 64}) {
        if (const auto blocks = split_into_blocks(topology, every, n)) {
            all.push_back({fmt::format("{} blocks", n), *blocks});
        }
        all.push_back(
            {fmt::format("{} times the whole node", n), std::vector<CpuSet>(static_cast<std::size_t>(n), every)});
    }
    Layout by_domain{"a task per domain", {}};
    for (const Domain& domain : topology.domains) {
        by_domain.tasks.push_back(domain.cpus);
    }
    all.push_back(by_domain);
    all.push_back({"one domain alone", {topology.domains.back().cpus}});
    Layout threads{"a task per CPU", {}};
    Layout first_threads{"the first thread of each core", {}};
    int last_core = -1;
    for (const Cpu& cpu : topology.cpus) {
        threads.tasks.emplace_back().add(cpu.os);
        if (cpu.core != last_core) {
            first_threads.tasks.emplace_back().add(cpu.os);
            last_core = cpu.core;
        }
    }
    all.push_back(threads);
    all.push_back(first_threads);
    for (int round = 0; round < 12; ++round) {
        Layout wild{fmt::format("random {}", round), {}};
        const int tasks = std::uniform_int_distribution(1, 12)(random);
        const int density = std::uniform_int_distribution(1, 9)(random);
        for (int t = 0; t < tasks; ++t) {
            CpuSet mask;
            for (const Cpu& cpu : topology.cpus) {
                if (std::uniform_int_distribution(0, 9)(random) < density) {
                    mask.add(cpu.os);
                }
            }
            if (!mask.empty()) {
                wild.tasks.push_back(mask);
            }
        }
        if (!wild.tasks.empty()) {
            all.push_back(wild);
        }
    }
    return all;
}

CpuSet some_of(const CpuSet& set, int tenths, std::mt19937& random) {
    CpuSet some;
    for (int c = set.next(0); c >= 0; c = set.next(c + 1)) {
        if (std::uniform_int_distribution(0, 9)(random) < tenths) {
            some.add(c);
        }
    }
    return some;
}

// What Slurm gave beyond the tasks' masks, and what other steps have reserved.
void surroundings(const Topology& topology, const Layout& layout, std::mt19937& random, PlanRequest& request) {
    if (std::uniform_int_distribution(0, 1)(random) == 0) {
        request.step = some_of(all_cpus(topology), std::uniform_int_distribution(1, 10)(random), random);
        for (const CpuSet& mask : layout.tasks) {
            request.step = request.step | mask;
        }
    }
    if (std::uniform_int_distribution(0, 1)(random) == 0) {
        request.avoid = some_of(all_cpus(topology), std::uniform_int_distribution(1, 9)(random), random);
    }
    request.devices = std::uniform_int_distribution(0, static_cast<int>(topology.gpus.size()))(random);
}

std::string describe(const std::string& name, const Layout& layout, const PlanRequest& r) {
    return fmt::format("{}, {}, instances {}, db_cpus {}, pin_app {}, step {}, avoid {}, devices {}", name, layout.name,
                       r.instances, r.db_cpus, r.pin_app, cpu_list(r.step), cpu_list(r.avoid), r.devices);
}

// The number after "ask for at most " in a message, or -1.
int advised(const std::string& message) {
    constexpr std::string_view kWords = "ask for at most ";
    const std::size_t found = message.find(kWords);
    return found == std::string::npos ? -1 : std::atoi(message.c_str() + found + kWords.size());
}

// A refusal must advise a number that works, where the next larger one does not.
std::string bad_advice(const Topology& topology, const Layout& layout, PlanRequest request, const Error& error) {
    const bool about_cpus = error.message.starts_with("--infer-db-cpus=");
    if (!about_cpus && !error.message.starts_with("--infer-colocate=")) {
        return "names no option: " + error.message;
    }
    const int most = advised(error.message);
    if (most < 1) {
        const bool lonely = error.message.find("give it at least 2") != std::string::npos;
        const bool below = error.message.find("ask for at least") != std::string::npos;
        return lonely || below ? "" : "advises nothing: " + error.message;
    }
    int& asked = about_cpus ? request.db_cpus : request.instances;
    request.db_cpus = about_cpus ? request.db_cpus : 0;
    asked = most;
    if (!plan(topology, layout.tasks, request)) {
        return "advises what does not work: " + error.message;
    }
    asked = most + 1;
    return plan(topology, layout.tasks, request) ? "advises less than what works: " + error.message : "";
}

void plans_keep_their_guarantees() {
    std::mt19937 random(20240521);
    for (const std::string& name : machines()) {
        const Topology topology = machine(name);
        for (const Layout& layout : topology.cpus.empty() ? std::vector<Layout>{} : layouts(topology, random)) {
            for (const int instances : {1, 2, 3, 4, 8, 13}) {
                for (const int db_cpus : {0, 1, 2, 3, 4, 5, 8, 12, 31, 64, 200}) {
                    for (const bool pin_app : {true, false}) {
                        PlanRequest request{instances, db_cpus, pin_app, true};
                        surroundings(topology, layout, random, request);
                        const Result<Plan> result = plan(topology, layout.tasks, request);
                        const std::string wrong = result ? broken_rule(topology, layout.tasks, request, *result)
                                                         : bad_advice(topology, layout, request, result.error());
                        if (!CHECK_IN(describe(name, layout, request) + ": " + wrong, wrong.empty())) {
                            return;
                        }
                    }
                }
            }
        }
    }
}

// With masks that are all the same no instance may have two tasks more than another.
void equal_tasks_are_spread_evenly() {
    for (const std::string& name : machines()) {
        const Topology topology = machine(name);
        for (const int n : {2, 4, 7, 16}) {
            for (const int instances : {1, 2, 3, 4}) {
                const std::vector<CpuSet> tasks(static_cast<std::size_t>(n), all_cpus(topology));
                const Result<Plan> result = plan(topology, tasks, {instances, instances + 1, true, false});
                if (!CHECK_IN(name, result)) {
                    return;
                }
                std::vector<int> load(static_cast<std::size_t>(instances), 0);
                for (const PlannedTask& task : result->tasks) {
                    ++load[static_cast<std::size_t>(task.instance)];
                }
                const auto [least, most] = std::minmax_element(load.begin(), load.end());
                CHECK_IN(fmt::format("{}: {} tasks, {} instances", name, n, instances), *most - *least <= 1);
            }
        }
    }
}

int tasks_without_cpus(const std::vector<CpuSet>& tasks, const CpuSet& taken) {
    return static_cast<int>(
        std::count_if(tasks.begin(), tasks.end(), [&](const CpuSet& m) { return (m - taken).empty(); }));
}

// On a small machine every choice of CPUs can be tried: none may leave more tasks with their own CPUs than the plan.
void fewest_tasks_lose_their_cpus() {
    std::mt19937 random(7);
    const Topology topology = machine("1socket");
    for (int round = 0; round < 400 && !topology.cpus.empty(); ++round) {
        std::vector<CpuSet> tasks(static_cast<std::size_t>(std::uniform_int_distribution(1, 6)(random)));
        CpuSet step;
        for (CpuSet& mask : tasks) {
            const int first = std::uniform_int_distribution(0, 7)(random);
            const int last = std::uniform_int_distribution(first, std::min(7, first + 3))(random);
            for (int c = first; c <= last; ++c) {
                mask.add(c);
            }
            step = step | mask;
        }
        const int wanted = std::min(std::uniform_int_distribution(1, 5)(random), step.count() - 1);
        if (wanted < 1) {
            continue;
        }
        int best = static_cast<int>(tasks.size());
        for (unsigned bits = 0; bits < 256; ++bits) {
            CpuSet taken;
            taken.words[0] = bits;
            if (taken.count() == wanted && (taken - step).empty()) {
                best = std::min(best, tasks_without_cpus(tasks, taken));
            }
        }
        const Result<Plan> result = plan(topology, tasks, {1, wanted, true, false});
        if (!CHECK(result)) {
            return;
        }
        std::string words;
        for (const CpuSet& mask : tasks) {
            words += cpu_list(mask) + "; ";
        }
        const int lost = tasks_without_cpus(tasks, result->instances[0].cpus);
        CHECK_IN(fmt::format("tasks {}taken {}: {} lose their CPUs, {} would do", words,
                             cpu_list(result->instances[0].cpus), lost, best),
                 lost == best);
    }
}

CU_TestInfo kTests[] = {{"plans keep their guarantees, refusals give good advice", plans_keep_their_guarantees},
                        {"equal tasks are spread evenly", equal_tasks_are_spread_evenly},
                        {"as few tasks as possible lose their CPUs", fewest_tasks_lose_their_cpus},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kPlanPropertiesSuite = suite("plan properties", kTests);

}  // namespace inferstep::test
