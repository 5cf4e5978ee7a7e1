// Memory cgroups, read from trees as the kernel and Slurm make them: v2 as Slurm >= 22.05 lays it out, v1, both at
// once, and what a container sees.
#include <unistd.h>

#include <filesystem>

#include "check.hpp"
#include "core/file.hpp"
#include "db/memory.hpp"
#include "folder.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20U;

// A tree below a folder: /proc/self/cgroup is `self`, /sys/fs/cgroup is `mount`.
class Tree {
   public:
    explicit Tree(const std::string& self) {
        std::filesystem::create_directories(folder_ / "mount");
        put("../self", self);
    }
    Tree& put(const std::string& path, const std::string& text) {
        const std::filesystem::path file = folder_ / ("mount/" + path);
        std::filesystem::create_directories(file.parent_path());
        CHECK(write_file(file.string(), text));
        return *this;
    }
    CgroupFiles files() const { return {folder_ / "self", folder_ / "mount"}; }

   private:
    Folder folder_;
};

std::uint64_t machine() {
    return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

// A task of step 0 of job 7: limits stand at the job and at the step's `user`, slurmstepd has `slurm` for itself.
constexpr const char* kV2Job = "system.slice/slurmstepd.scope/job_7";
constexpr const char* kV2Self = "0::/system.slice/slurmstepd.scope/job_7/step_0/user/task_0\n";

void fill_v2(Tree& tree) {
    const std::string job = kV2Job;
    tree.put("cgroup.controllers", "cpuset cpu io memory pids\n");
    tree.put("system.slice/memory.max", "max\n");
    tree.put("system.slice/slurmstepd.scope/memory.max", "max\n");
    tree.put(job + "/memory.max", "209715200\n").put(job + "/memory.swap.max", "0\n");
    tree.put(job + "/memory.peak", "150000000\n");
    tree.put(job + "/step_0/memory.max", "max\n").put(job + "/step_0/memory.swap.max", "max\n");
    tree.put(job + "/step_0/memory.peak", "120000000\n");
    tree.put(job + "/step_0/slurm/memory.max", "max\n").put(job + "/step_0/slurm/memory.peak", "9000000\n");
    tree.put(job + "/step_0/user/memory.max", "104857600\n").put(job + "/step_0/user/memory.peak", "110000000\n");
    tree.put(job + "/step_0/user/memory.events", "low 0\nhigh 0\nmax 40\noom 2\noom_kill 2\noom_group_kill 0\n");
    tree.put(job + "/step_0/user/task_0/memory.max", "max\n");
    tree.put(job + "/step_0/user/task_0/memory.events", "low 0\nhigh 0\nmax 31\noom 1\noom_kill 1\noom_group_kill 0\n");
    tree.put(job + "/step_0/user/task_0/memory.peak", "80000000\n");
}

void v2_as_slurm_lays_it_out() {
    Tree tree(kV2Self);
    fill_v2(tree);
    const CgroupFiles files = tree.files();
    CHECK_EQ(memory_cgroup(files), "/system.slice/slurmstepd.scope/job_7/step_0/user/task_0");
    CHECK_EQ(memory_limit(files), 100 * kMiB);
    CHECK(swap_limit(files) == std::uint64_t{0});
    CHECK_EQ(oom_kills(files), 2U);
    CHECK(memory_peak(files) == std::uint64_t{120'000'000});
}

void v2_without_limits_or_peaks() {
    Tree tree(kV2Self);
    const std::string task = std::string(kV2Job) + "/step_0/user/task_0";
    tree.put("cgroup.controllers", "cpuset cpu io memory pids\n");
    tree.put(task + "/memory.max", "max\n").put(task + "/memory.swap.max", "max\n");
    tree.put(task + "/memory.events", "low 0\noom 0\noom_kill 0\n");
    CHECK_EQ(memory_limit(tree.files()), machine());
    CHECK(!swap_limit(tree.files()));
    CHECK_EQ(oom_kills(tree.files()), 0U);
    CHECK(!memory_peak(tree.files()));
}

// Slurm 22.05 with several slurmds on a host, and since 23.11 a step's limits at the step itself.
void v2_limits_of_any_level_count() {
    Tree tree("0::/system.slice/n1_slurmstepd.scope/job_7/step_batch/user/task_special\n");
    const std::string job = "system.slice/n1_slurmstepd.scope/job_7";
    tree.put(job + "/memory.max", "314572800\n");
    tree.put(job + "/step_batch/memory.max", "209715200\n").put(job + "/step_batch/memory.swap.max", "1048576\n");
    tree.put(job + "/step_batch/user/memory.max", "max\n");
    CHECK_EQ(memory_limit(tree.files()), 200 * kMiB);
    CHECK(swap_limit(tree.files()) == kMiB);
}

void v1_as_slurm_lays_it_out() {
    Tree tree(
        "12:cpuset:/\n11:memory:/slurm_n1/uid_5/job_7/step_0/task_0\n"
        "4:cpu,cpuacct:/slurm_n1/uid_5/job_7/step_0/task_0\n1:name=systemd:/\n");
    const std::string job = "memory/slurm_n1/uid_5/job_7";
    const std::string unlimited = "9223372036854771712\n";
    tree.put("memory/memory.limit_in_bytes", unlimited);
    tree.put(job + "/memory.limit_in_bytes", "209715200\n").put(job + "/memory.memsw.limit_in_bytes", "209715200\n");
    tree.put(job + "/step_0/memory.limit_in_bytes", "104857600\n");
    tree.put(job + "/step_0/memory.memsw.limit_in_bytes", "157286400\n");
    tree.put(job + "/step_0/memory.max_usage_in_bytes", "99000000\n");
    tree.put(job + "/step_0/task_0/memory.limit_in_bytes", unlimited);
    tree.put(job + "/step_0/task_0/memory.memsw.limit_in_bytes", unlimited);
    tree.put(job + "/step_0/task_0/memory.max_usage_in_bytes", "55000000\n");
    tree.put(job + "/step_0/task_0/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
    tree.put(job + "/step_0/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
    tree.put(job + "/step_0/task_1/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
    CHECK_EQ(memory_cgroup(tree.files()), "/slurm_n1/uid_5/job_7/step_0/task_0");
    CHECK_EQ(memory_limit(tree.files()), 100 * kMiB);
    CHECK(swap_limit(tree.files()) == 50 * kMiB);
    CHECK_EQ(oom_kills(tree.files()), 5U);
    CHECK(memory_peak(tree.files()) == std::uint64_t{99'000'000});
}

// v1 has the controllers and v2 only names the processes; or v2 has memory and is mounted below /sys/fs/cgroup/unified.
void both_at_once() {
    Tree first("9:memory:/job_7/step_0\n0::/user.slice\n");
    first.put("memory/job_7/step_0/memory.limit_in_bytes", "104857600\n");
    first.put("unified/cgroup.controllers", "hugetlb\n").put("unified/user.slice/memory.max", "5\n");
    CHECK_EQ(memory_limit(first.files()), 100 * kMiB);
    CHECK_EQ(memory_cgroup(first.files()), "/job_7/step_0");
    Tree second("9:cpuset:/job_7\n0::/job_7/step_0\n");
    second.put("unified/cgroup.controllers", "memory\n").put("unified/job_7/step_0/memory.max", "209715200\n");
    second.put("unified/job_7/step_0/memory.events", "oom_kill 4\n");
    CHECK_EQ(memory_limit(second.files()), 200 * kMiB);
    CHECK_EQ(oom_kills(second.files()), 4U);
}

// With a cgroup namespace the container's group is the root; without one the host's path is seen and is not there.
void in_a_container() {
    for (const char* self :
         {"0::/\n", "0::/system.slice/slurmstepd.scope/job_7/step_0/user/task_0\n", "0::/../other\n"}) {
        Tree tree(self);
        tree.put("cgroup.controllers", "memory\n").put("memory.max", "104857600\n").put("memory.swap.max", "0\n");
        tree.put("memory.events", "oom 1\noom_kill 1\n").put("memory.peak", "70000000\n");
        CHECK_EQ(memory_limit(tree.files()), 100 * kMiB);
        CHECK_EQ(oom_kills(tree.files()), 1U);
        CHECK(swap_limit(tree.files()) == std::uint64_t{0});
    }
    Tree root("0::/\n");
    CHECK_EQ(memory_cgroup(root.files()), "/");
    CHECK(!memory_peak(root.put("memory.peak", "70000000\n").files()));
}

void nonsense_is_no_limit() {
    const char* const texts[] = {"", "max", "-1\n", "99999999999999999999999999\n", "word\n", "\n"};
    for (const char* text : texts) {
        Tree tree(kV2Self);
        tree.put(std::string(kV2Job) + "/memory.max", text).put(std::string(kV2Job) + "/memory.events", text);
        CHECK_EQ(memory_limit(tree.files()), machine());
        CHECK_EQ(oom_kills(tree.files()), 0U);
    }
    for (const char* self : {"", "nonsense\n", "1:memory\n", ":::\n", "0::"}) {
        Tree tree(self);
        CHECK_EQ(memory_limit(tree.files()), machine());
        CHECK_EQ(oom_kills(tree.files()), 0U);
    }
    CHECK_EQ(memory_limit({"/nonexistent", "/nonexistent"}), machine());
    CHECK_EQ(memory_cgroup({"/nonexistent", "/nonexistent"}), "");
}

CU_TestInfo kTests[] = {{"v2 as Slurm lays it out", v2_as_slurm_lays_it_out},
                        {"v2 without limits or peaks", v2_without_limits_or_peaks},
                        {"v2: a limit of any level counts", v2_limits_of_any_level_count},
                        {"v1 as Slurm lays it out", v1_as_slurm_lays_it_out},
                        {"v1 and v2 at once", both_at_once},
                        {"in a container", in_a_container},
                        {"nonsense is no limit", nonsense_is_no_limit},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kMemorySuite = suite("cgroup memory", kTests);

}  // namespace inferstep::test
