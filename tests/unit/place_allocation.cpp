// The step's CPUs out of Slurm's words, idle ones before those of tasks, and CPUs that other steps have reserved.
#include "check.hpp"
#include "core/cpulist.hpp"
#include "place/allocation.hpp"
#include "place_rules.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

std::string allocated(const char* name, const char* cores, const std::vector<CpuSet>& tasks) {
    return cpu_list(allocated_cpus(machine(name), cores, tasks));
}

void slurm_counts_cores() {
    CHECK_EQ(allocated("1socket", "0-3", {cpus("1")}), "0-3");
    CHECK_EQ(allocated("2socket-odd-even", "0-1,12", {cpus("2")}), "0-2");
    CHECK_EQ(allocated("2socket-smt", "3,17", {cpus("3,35"), cpus("17,49")}), "3,17,35,49");
    // Tasks with one hardware thread of each core: so do the databases.
    CHECK_EQ(allocated("2socket-smt", "3,17", {cpus("3")}), "3,17");
    CHECK_EQ(allocated("2socket-smt", "3,17", {cpus("35")}), "17,35");
    // Masks wider than what Slurm gave, as --cpu-bind=ldoms makes them: what is beyond is not the step's.
    CHECK_EQ(allocated("1socket", "0-3", {cpus("0-7")}), "0-3");
    // A cpuset hides the other cores.
    CHECK_EQ(allocated("restricted", "8-15", {cpus("12-13")}), "12-19");
}

void what_does_not_fit_is_not_believed() {
    for (const char* cores : {"", "x", "0-", "0-8", "3-1", "4096"}) {
        CHECK_EQ(allocated("1socket", cores, {cpus("0")}), "");
    }
    CHECK_EQ(allocated("1socket", "0-3", {cpus("0"), cpus("6")}), "");
    Topology uneven = machine("2socket-smt");
    uneven.cpus.pop_back();
    CHECK(allocated_cpus(uneven, "0-3", {cpus("0")}).empty());
}

std::string placed(const char* name, const std::vector<CpuSet>& tasks, const PlanRequest& request) {
    const Result<Plan> result = plan(machine(name), tasks, request);
    if (!CHECK_IN(result ? "" : result.error().message, result)) {
        return "";
    }
    std::string text;
    for (const PlannedInstance& instance : result->instances) {
        text += cpu_list(instance.cpus) + " ";
    }
    for (const PlannedTask& task : result->tasks) {
        text += "/ " + cpu_list(task.after) + " ";
    }
    for (const std::string& note : result->notes) {
        text += "| " + note;
    }
    return text;
}

PlanRequest asked(int instances, int db_cpus, const char* step, const char* avoid) {
    PlanRequest request{instances, db_cpus, true, false};
    request.step = *step != '\0' ? cpus(step) : CpuSet();
    request.avoid = *avoid != '\0' ? cpus(avoid) : CpuSet();
    return request;
}

void idle_cpus_come_first() {
    CHECK_EQ(placed("1socket", {cpus("1"), cpus("3")}, asked(1, 2, "0-7", "")), "6-7 / 1 / 3 ");
    CHECK_EQ(placed("1socket", {cpus("1"), cpus("3")}, asked(1, 1, "0-3", "")), "2 / 1 / 3 ");
    CHECK_EQ(placed("1socket", {cpus("0-5")}, asked(1, 3, "0-7", "")), "5-7 / 0-4 ");
    CHECK_EQ(placed("2socket-smt", {cpus("0-15,32-47")}, asked(1, 4, "0-63", "")), "30-31,62-63 / 0-15,32-47 ");
    // What the masks have beyond the step stays the tasks'.
    CHECK_EQ(placed("1socket", {cpus("0-7")}, asked(1, 1, "0-3", "")), "3 / 0-2,4-7 ");
}

void others_cpus_come_last() {
    const std::string also = "| databases of another step on this node run on CPUs ";
    CHECK_EQ(placed("1socket", {cpus("0-7")}, asked(1, 2, "", "6-7")),
             "4-5 / 0-3,6-7 " + also + "6-7: tasks of this step do so as well");
    CHECK_EQ(placed("2socket-smt", {cpus("0-63")}, asked(2, 4, "", "31")).substr(0, 12), "15,47 30,62 ");
    // No choice: a note.
    CHECK_EQ(placed("1socket", {cpus("6-7")}, asked(1, 1, "", "6-7")),
             "7 / 6 | databases of another step on this node have reserved CPUs 7, too: this step has no others" +
                 also + "6: tasks of this step do so as well");
    CHECK_EQ(placed("1socket", {cpus("0-2")}, asked(1, 2, "0-4", "3-4")),
             "1-2 / 0 " + also + "3-4: no task of this step does");
    CHECK_EQ(placed("1socket", {cpus("0-3")}, asked(1, 1, "", "6-7")), "3 / 0-2 ");
}

CU_TestInfo kTests[] = {{"R4: Slurm's cores are the step's CPUs", slurm_counts_cores},
                        {"R4: what does not fit the masks is not believed", what_does_not_fit_is_not_believed},
                        {"R4: idle CPUs come before those of tasks", idle_cpus_come_first},
                        {"R4: CPUs of other steps' databases come last", others_cpus_come_last},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kAllocationSuite = suite("allocation", kTests);

}  // namespace inferstep::test
