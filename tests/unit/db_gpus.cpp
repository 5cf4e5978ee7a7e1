// Which GPUs a step has, by the words that Slurm leaves in the environment of its tasks, and how many its databases
// get.
#include <cstdlib>

#include "check.hpp"
#include "db/gpu_env.hpp"
#include "place/marks.hpp"
#include "place_rules.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

// GPUs with the driver's numbers `minors` that we may open, as the device cgroup of the step leaves them.
Topology gpus(const std::vector<int>& minors, int hidden) {
    Topology topology;
    for (const int minor : minors) {
        const int index = static_cast<int>(topology.gpus.size());
        topology.gpus.push_back({index, minor / 4, "gpu", minor, "GPU-" + std::to_string(minor) + "a-b"});
    }
    topology.hidden_gpus = hidden;
    return topology;
}

struct Case {
    const char* what;
    std::vector<int> minors;
    int hidden;
    bool step;
    const char* visible;  // CUDA_VISIBLE_DEVICES
    const char* slurm;    // SLURM_STEP_GPUS
    const char* kept;     // as CUDA_VISIBLE_DEVICES of a database that gets all of them
};

std::optional<std::string> word(const char* text) {
    return text != nullptr ? std::optional<std::string>(text) : std::nullopt;
}

void check_case(const Case& c) {
    Topology topology = gpus(c.minors, c.hidden);
    c.visible != nullptr ? setenv("CUDA_VISIBLE_DEVICES", c.visible, 1) : unsetenv("CUDA_VISIBLE_DEVICES");
    keep_step_gpus(topology, {c.step, word(c.visible), word(c.slurm)});
    std::vector<int> indices;
    for (const Gpu& gpu : topology.gpus) {
        indices.push_back(gpu.index);
    }
    CHECK_EQ(fmt::format("{}: {}", c.what, cuda_visible_devices(indices)), fmt::format("{}: {}", c.what, c.kept));
    unsetenv("CUDA_VISIBLE_DEVICES");
}

void never_a_gpu_that_the_step_has_not() {
    const std::vector<int> all = {0, 1, 2, 3, 4, 5, 6, 7};
    const Case cases[] = {
        {"whole node", all, 0, true, "0,1,2,3,4,5,6,7", "0,1,2,3,4,5,6,7", "0,1,2,3,4,5,6,7"},
        {"part of it", all, 0, true, "4,5", "4,5", "4,5"},
        {"constrained devices", {4, 5}, 6, true, "0,1", "4,5", "0,1"},
        {"gpus-per-task", all, 0, true, "4", "4,5", "4,5"},
        {"gpus-per-task, constrained to the step", {4, 5}, 6, true, "0", "4,5", "0,1"},
        {"gpus-per-task, constrained to the task", {4}, 7, true, "0", "4,5", "0"},
        {"no GPU was asked for", all, 0, true, nullptr, nullptr, ""},
        {"an old Slurm's word for none", all, 0, true, "NoDevFiles", nullptr, ""},
        {"hidden", all, 0, true, "", "0,1", "0,1"},
        {"Slurm does not count them", all, 0, true, "2,3", nullptr, "2,3"},
        {"Slurm counts otherwise than the driver", all, 0, true, "4,5", "0,1", "4,5"},
        {"Slurm names what cannot be opened", all, 0, true, "9", "8,9", ""},
        {"no Slurm", all, 0, false, nullptr, nullptr, "0,1,2,3,4,5,6,7"},
        {"no Slurm, two of them", all, 0, false, "1,3", nullptr, "1,3"},
        {"CUDA stops at what is no number", all, 0, false, "1,-1,3", nullptr, "1"},
        {"none", all, 0, false, "", nullptr, ""},
        {"UUIDs", all, 0, true, "GPU-5a,GPU-1a", "1,5", "GPU-5a,GPU-1a"},
        {"MIG slices", {0}, 0, true, "MIG-aa,MIG-bb", "0,1", "MIG-aa,MIG-bb"},
        {"no GPU in the node", {}, 0, true, "0", "0", ""},
    };
    for (const Case& c : cases) {
        check_case(c);
    }
}

void names_keep_their_place() {
    Topology topology = gpus({0, 1, 4, 5}, 0);
    keep_step_gpus(topology, {true, "GPU-5a,MIG-x", std::nullopt});
    if (CHECK_EQ(topology.gpus.size(), 2U)) {
        CHECK_EQ(topology.gpus[0].domain, 1);
        CHECK_EQ(topology.gpus[1].domain, -1);
    }
}

std::string dealt(int instances, int devices, const char* tasks) {
    PlanRequest request{instances, 2 * instances, true, true};
    request.devices = devices;
    const Result<Plan> result = plan(machine("8gpu"), {cpus(tasks)}, request);
    if (!result) {
        return result.error().message;
    }
    std::string text;
    for (const PlannedInstance& instance : result->instances) {
        text += (text.empty() ? "" : " | ") + number_list(instance.gpus);
    }
    return text;
}

void as_many_as_asked_for_the_nearest_first() {
    CHECK_EQ(dealt(1, 1, "0-127"), "0");
    CHECK_EQ(dealt(1, 3, "32-63,96-127"), "4-6");
    CHECK_EQ(dealt(1, 6, "32-63,96-127"), "0-1,4-7");
    CHECK_EQ(dealt(2, 2, "0-127"), "0 | 4");
    CHECK_EQ(dealt(2, 4, "0-127"), "0-1 | 4-5");
    CHECK_EQ(dealt(2, 3, "0-127"), "0-1 | 4");
    CHECK_EQ(dealt(2, 1, "0-127"), "0 | 0");
    CHECK_EQ(dealt(4, 2, "0-127"), "0 | 0 | 4 | 4");
    CHECK_EQ(dealt(2, 8, "0-127"), "0-3 | 4-7");
    CHECK_EQ(dealt(1, 9, "0-127"),
             "--infer-num-devices=9 is more than there are: the step has 8 GPUs on this node; ask for at most 8");
    PlanRequest none{1, 1, true, false};
    none.devices = 1;
    CHECK_FAILS(plan(machine("8gpu"), {cpus("0-7")}, none), "--infer-num-devices=1: the step has no GPU on this node");
}

CU_TestInfo kTests[] = {
    {"never a GPU that the step has not", never_a_gpu_that_the_step_has_not},
    {"GPUs that are named keep their place", names_keep_their_place},
    {"--infer-num-devices: as many as asked, the nearest first", as_many_as_asked_for_the_nearest_first},
    CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kGpusSuite = suite("gpus", kTests);

}  // namespace inferstep::test
