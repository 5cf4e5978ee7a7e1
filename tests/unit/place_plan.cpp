// Plans with known answers, and requests with known refusals.
#include "check.hpp"
#include "core/cpulist.hpp"
#include "core/words.hpp"
#include "place/blocks.hpp"
#include "place/marks.hpp"
#include "place_rules.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

std::vector<CpuSet> masks(const std::string& lists) {
    std::vector<CpuSet> all;
    for (const std::string& list : split(lists, ';')) {
        all.push_back(cpus(list.c_str()));
    }
    return all;
}

// "16 | 36 : 0-14@0; 20-34@1": the CPUs of the databases, then those of each task and the database it is given.
std::string words_of(const Plan& plan) {
    std::string text;
    for (const PlannedInstance& instance : plan.instances) {
        text += (text.empty() ? "" : " | ") + cpu_list(instance.cpus);
    }
    text += " :";
    for (const PlannedTask& task : plan.tasks) {
        text += fmt::format(" {}@{}", cpu_list(task.after), task.instance);
    }
    return text;
}

struct Golden {
    const char* machine;
    const char* tasks;
    PlanRequest request;
    const char* plan;
};

void check_all(const std::vector<Golden>& table) {
    for (const Golden& row : table) {
        const Topology topology = machine(row.machine);
        const Result<Plan> result = plan(topology, masks(row.tasks), row.request);
        if (CHECK_IN(result ? row.machine : std::string(row.machine) + ": " + result.error().message, result)) {
            const std::string got = words_of(*result);
            CHECK_IN(fmt::format("{} {}: '{}' instead of '{}'", row.machine, row.tasks, got, row.plan),
                     got == row.plan);
        }
    }
}

void cores_come_from_the_own_domain() {
    check_all({
        // The last core, whole; CPU 0 stays with the tasks.
        {"1socket", "0-7", {1, 1, true, false}, "7 : 0-6@0"},
        {"1socket", "0-7", {1, 0, true, false}, "6-7 : 0-5@0"},
        {"2socket-smt", "0-63", {1, 2, true, false}, "15,47 : 0-14,16-46,48-63@0"},
        {"2socket-smt", "0-15,32-47;16-31,48-63", {2, 4, true, false}, "15,47 | 31,63 : 0-14,32-46@0 16-30,48-62@1"},
        {"2socket-odd-even", "0-23", {2, 4, true, false}, "20,22 | 21,23 : 0-19@0"},
        // Different packages before different domains of one; then all four domains.
        {"snc2", "0-79", {2, 4, true, false}, "16,56 | 36,76 : 0-15,17-35,37-55,57-75,77-79@0"},
        {"snc2",
         "0-79",
         {4, 8, true, false},
         "16,56 | 19,59 | 36,76 | 39,79 : 0-15,17-18,20-35,37-38,40-55,57-58,60-75,77-78@0"},
        // More instances than domains.
        {"2socket-smt", "0-63", {3, 6, true, false}, "14,46 | 15,47 | 31,63 : 0-13,16-30,32-45,48-62@0"},
        // Only one domain is in the step, or one has more of the step.
        {"2socket-smt", "16-31", {2, 4, true, false}, "28-29 | 30-31 : 16-27@0"},
        {"2socket-smt", "10-31", {1, 2, true, false}, "30-31 : 10-29@0"},
        {"restricted", "12-19,44-51", {2, 4, true, false}, "15,47 | 19,51 : 12-14,16-18,44-46,48-50@0"},
        {"offline", "0-7,8,10-13,15", {2, 4, true, false}, "3,11 | 7,15 : 0-2,4-6,8,10,12-13@0"},
    });
}

void tasks_lose_as_little_as_possible() {
    check_all({
        // Two tasks share the loss; a task with one CPU keeps it.
        {"1socket", "0-3;4-7", {1, 2, true, false}, "3,7 : 0-2@0 4-6@0"},
        {"1socket", "0-5;6;7", {1, 2, true, false}, "4-5 : 0-3@0 6@0 7@0"},
        {"1socket", "0-1;2-3;4-5;6-7", {1, 2, true, false}, "5,7 : 0-1@0 2-3@0 4@0 6@0"},
        // CPUs that several tasks share go first.
        {"1socket", "0-1,6-7;2-3,6-7", {1, 2, true, false}, "6-7 : 0-1@0 2-3@0"},
        // CPU 0 stays with the tasks, though nobody would miss it; in the choice of the domain as well.
        {"1socket", "0-2;1-2", {1, 1, true, false}, "2 : 0-1@0 1@0"},
        {"2socket-odd-even", "0-1", {1, 1, true, false}, "1 : 0@0"},
        // Nothing else is left: the task shares what its own domain has.
        {"1socket", "0;1;2;3", {1, 1, true, false}, "3 : 0@0 1@0 2@0 0-2@0"},
        {"2socket-smt", "0-3;16", {2, 2, true, false}, "3 | 16 : 0-2@0 0-2@0"},
        {"2socket-smt", "0-3;16;17", {2, 2, true, false}, "3 | 17 : 0-2@0 16@1 16@1"},
        // pin_app=no: everybody keeps what they had.
        {"1socket", "0-3;4-7", {2, 4, false, false}, "2,6 | 3,7 : 0-3@0 4-7@1"},
        {"1socket", "5", {1, 1, false, false}, "5 : 5@0"},
    });
}

void hardware_threads_are_the_last_resort() {
    check_all({
        // Whole cores where they fit: an odd share is rounded up.
        {"2socket-smt", "0-3,32-35", {1, 3, true, false}, "2-3,34-35 : 0-1,32-33@0"},
        // One core, two threads: a thread each.
        {"2socket-smt", "5,37", {1, 1, true, false}, "37 : 5@0"},
        {"2socket-smt", "5,37", {1, 0, true, false}, "37 : 5@0"},
        // Two cores for two databases would leave nothing: both use the threads of one core.
        {"2socket-smt", "0-1,32-33", {2, 2, true, false}, "1 | 33 : 0,32@0"},
        // The second thread of a core that is broken into, before a thread of another.
        {"2socket-smt", "2-3,34-35;3,34-35", {2, 2, true, false}, "2 | 34 : 3,35@0 3,35@1"},
        // A core of one thread is taken where one is wanted.
        {"offline", "1-3,10-11", {1, 1, true, false}, "1 : 2-3,10-11@0"},
        // Shares of 3, 2 and 2 fit domains of 3 and 4 only when the first goes where it is tight.
        {"2socket-odd-even", "0-5,7", {3, 7, false, false}, "0,2,4 | 1,3 | 5,7 : 0-5,7@0"},
        // The step has one thread of each core.
        {"2socket-smt", "0-7", {1, 2, true, false}, "6-7 : 0-5@0"},
    });
}

void tasks_are_given_the_database_of_their_domain() {
    check_all({
        {"2socket-smt", "0-3;4-7;16-19;20-23", {2, 2, true, false}, "7 | 23 : 0-3@0 4-6@0 16-19@1 20-22@1"},
        // Masks over the whole node have no home: they are dealt out, after those that have one.
        {"2socket-smt", "0-31;0-31;0-15", {2, 2, true, false}, "15 | 31 : 0-14,16-30@1 0-14,16-30@0 0-14@0"},
        {"2socket-smt",
         "0-31;0-31;0-31;0-31",
         {2, 3, true, false},
         "14-15 | 31 : 0-13,16-30@0 0-13,16-30@1 0-13,16-30@0 0-13,16-30@1"},
        // A mask over unequal parts of two domains has no home either.
        {"2socket-smt", "0-26;0-26", {2, 2, true, false}, "15 | 26 : 0-14,16-25@0 0-14,16-25@1"},
        // A domain without a database goes to the other one of its package.
        {"snc2",
         "3-4,7-9;23-24,27-29;20-22,25;0-2",
         {2, 2, true, false},
         "9 | 29 : 3-4,7-8@0 23-24,27-28@1 20-22,25@1 0-2@0"},
    });
}

void notes_tell_what_nobody_asked_for() {
    const struct {
        const char* machine;
        const char* tasks;
        PlanRequest request;
        const char* words;
    } table[] = {
        {"2socket-smt", "0-31,32-63", {1, 3, true, false}, "the databases have 4 CPUs instead of 3: whole cores"},
        {"2socket-smt", "5,37", {1, 1, true, false}, "whole cores do not fit"},
        {"1socket", "0-1", {1, 0, true, false}, "--infer-db-cpus is 1 here instead of the usual 2"},
        {"1socket", "0;1;2;3", {1, 1, true, false}, "task 3 to 0-2"},
        {"1socket", "0-3", {1, 1, false, false}, "the tasks keep their masks (--infer-pin-app=no)"},
    };
    for (const auto& row : table) {
        const Result<Plan> result = plan(machine(row.machine), masks(row.tasks), row.request);
        if (CHECK_IN(row.words, result)) {
            CHECK_IN(row.words, fmt::format("{}", fmt::join(result->notes, "\n")).find(row.words) != std::string::npos);
        }
    }
    const Result<Plan> plain = plan(machine("1socket"), masks("0-7"), {1, 2, true, false});
    CHECK(plain && plain->notes.empty());
}

void refusals_name_the_option() {
    const struct {
        const char* machine;
        const char* tasks;
        PlanRequest request;
        const char* words;
    } table[] = {
        {"1socket",
         "0-7",
         {1, 8, true, false},
         "--infer-db-cpus=8 leaves no CPU for the tasks: the step has 8 CPUs on this node; ask for at most 7"},
        {"1socket",
         "0-7",
         {1, 9, true, false},
         "--infer-db-cpus=9 is more than there are: the step has 8 CPUs on this node; ask for at most 7"},
        {"1socket", "0-7", {1, 9, false, false}, "ask for at most 8"},
        {"1socket",
         "0-7",
         {8, 0, true, false},
         "--infer-colocate=8 needs a CPU for each instance and one for the tasks: the step has 8 CPUs on this node; "
         "ask for at most 7"},
        {"1socket",
         "0-7",
         {9, 0, false, false},
         "--infer-colocate=9 needs a CPU for each instance: the step has 8 CPUs on this node; ask for at most 8"},
        {"1socket",
         "0-7",
         {3, 2, true, false},
         "--infer-db-cpus=2 is less than one CPU for each of the 3 instances of --infer-colocate; ask for at least 3"},
        {"1socket", "0-7", {0, 0, true, false}, "--infer-colocate=0 is not a number of instances"},
        {"1socket", "0-7", {65, 0, true, false}, "use 1 to 64"},
        {"1socket", "0-7", {1, -3, true, false}, "--infer-db-cpus=-3 is not a number of CPUs"},
        {"1socket",
         "3",
         {1, 0, true, false},
         "--infer-colocate=1 leaves no CPU for the tasks: the step has 1 CPU on this node; give it at least 2"},
        {"1socket", "8-9", {1, 0, true, false}, "the topology of this node has none of the step's CPUs (8-9)"},
        {"2socket-smt",
         "0-63",
         {1, 33, true, false},
         "--infer-db-cpus=33 does not fit: each instance takes its 33 CPUs out of one NUMA domain"},
        {"nps4", "0-255", {2, 70, true, false}, "ask for at most 64"},
    };
    for (const auto& row : table) {
        CHECK_FAILS(plan(machine(row.machine), masks(row.tasks), row.request), row.words);
    }
    CHECK_FAILS(plan(machine("1socket"), {}, {}), "no task of the step runs on this node");
    CHECK_FAILS(plan(machine("1socket"), {cpus("0-3"), CpuSet{}}, {}), "task 1 of this node has an empty CPU mask");
}

std::string gpus_of(const Result<Plan>& plan) {
    std::vector<std::string> each;
    for (const PlannedInstance& instance : plan ? plan->instances : std::vector<PlannedInstance>{}) {
        each.push_back(number_list(instance.gpus));
    }
    return fmt::format("{}", fmt::join(each, " | "));
}

void gpus_are_the_nearest() {
    Topology topology = machine("8gpu");
    const auto tasks = masks("0-127");
    CHECK_EQ(gpus_of(plan(topology, tasks, {1, 4, true, true})), "0-7");
    CHECK_EQ(gpus_of(plan(topology, tasks, {2, 4, true, true})), "0-3 | 4-7");
    CHECK_EQ(gpus_of(plan(topology, tasks, {3, 6, true, true})), "0,2,7 | 1,3 | 4-6");
    CHECK_EQ(gpus_of(plan(topology, tasks, {2, 4, true, false})), " | ");
    // A single instance goes where the GPUs are.
    topology.gpus = {{0, 1, "x"}, {1, 1, "x"}};
    const Result<Plan> one = plan(topology, tasks, {1, 4, true, true});
    CHECK(one && one->instances[0].domain == 1);
    CHECK_EQ(gpus_of(plan(topology, tasks, {2, 4, true, true})), "1 | 0");
    const Result<Plan> four = plan(topology, tasks, {4, 8, true, true});
    CHECK_EQ(gpus_of(four), "1 | 0 | 0 | 1");
    CHECK(four && !four->notes.empty() && four->notes.back() == "4 instances share 2 GPUs");
    // GPUs whose place is not known are given all the same.
    topology.gpus = {{0, -1, "x"}};
    CHECK_EQ(gpus_of(plan(topology, tasks, {2, 4, true, true})), "0 | 0");
}

void databases_alone_share_everything_out() {
    const Topology t = machine("2socket-odd-even");
    const auto alone = [&](const char* mask, int instances) {
        const Result<Plan> result = plan_alone(t, cpus(mask), {instances, 0, true, false});
        return result ? words_of(*result) : result.error().message;
    };
    // A single one may reach over domains; two keep to their own.
    CHECK_EQ(alone("0-7", 1), "0-7 :");
    CHECK_EQ(alone("0-7", 2), "0,2,4,6 | 1,3,5,7 :");
    CHECK_EQ(alone("0-2", 3), "0 | 2 | 1 :");
    CHECK_EQ(alone("5", 1), "5 :");
    CHECK_FAILS(plan_alone(t, cpus("0-1"), {3, 0, true, false}), "ask for at most 2");
    CHECK_FAILS(plan_alone(t, cpus("30"), {}), "has none of the step's CPUs (30)");
    const Result<Plan> with_gpus = plan_alone(machine("8gpu"), cpus("0-127"), {2, 0, true, true});
    CHECK_EQ(gpus_of(with_gpus), "0-3 | 4-7");
}

void blocks_are_cores() {
    const Topology t = machine("2socket-smt");
    const auto lists = [&](const char* mask, int n) {
        std::string text;
        const auto blocks = split_into_blocks(t, cpus(mask), n);
        for (const CpuSet& block : blocks ? *blocks : std::vector<CpuSet>{}) {
            text += (text.empty() ? "" : " ") + cpu_list(block);
        }
        return text;
    };
    CHECK_EQ(lists("0-63", 2), "0-15,32-47 16-31,48-63");
    CHECK_EQ(lists("0-3,32-35", 3), "0-1,32-33 2,34 3,35");
    CHECK_EQ(lists("0-1,32-33", 4), "0 32 1 33");
    CHECK_FAILS(split_into_blocks(t, cpus("0-1"), 3), "ask for 1 to 2 tasks");
    CHECK_FAILS(split_into_blocks(t, cpus("0-1"), 0), "ask for 1 to 2 tasks");
}

CU_TestInfo kTests[] = {{"whole cores come from the instance's own domain", cores_come_from_the_own_domain},
                        {"tasks lose as little as possible", tasks_lose_as_little_as_possible},
                        {"single hardware threads are the last resort", hardware_threads_are_the_last_resort},
                        {"tasks are given the database of their domain", tasks_are_given_the_database_of_their_domain},
                        {"notes tell what nobody asked for", notes_tell_what_nobody_asked_for},
                        {"refusals name the option and what would be right", refusals_name_the_option},
                        {"GPUs are the nearest, none twice", gpus_are_the_nearest},
                        {"databases alone share everything out", databases_alone_share_everything_out},
                        {"blocks for tasks are whole cores", blocks_are_cores},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kPlanSuite = suite("plan", kTests);

}  // namespace inferstep::test
