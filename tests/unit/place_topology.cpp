// The machines of tests/topo as the planner sees them.
#include <cstdlib>
#include <set>

#include "check.hpp"
#include "core/cpulist.hpp"
#include "core/file.hpp"
#include "place/topology.hpp"
#include "place_rules.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

void machines_are_counted() {
    const struct {
        const char* name;
        std::size_t cpus, cores, domains, gpus;
        const char* last_domain;
        int last_package;
    } table[] = {{"1socket", 8, 8, 1, 0, "0-7", 0},
                 {"1socket-smt", 6, 3, 1, 0, "0-5", 0},
                 {"2socket-smt", 64, 32, 2, 0, "16-31,48-63", 1},
                 {"2socket-odd-even", 24, 24, 2, 0, "1,3,5,7,9,11,13,15,17,19,21,23", 1},
                 {"8gpu", 128, 64, 2, 8, "32-63,96-127", 1},
                 {"snc2", 80, 40, 4, 0, "23-24,27-29,33-34,37-39,63-64,67-69,73-74,77-79", 1},
                 {"nps4", 256, 128, 8, 0, "112-127,240-255", 1},
                 {"hbm", 64, 32, 8, 0, "28-31,60-63", 1},
                 {"cxl", 8, 8, 2, 2, "4-7", 1},
                 {"interleaved", 8, 8, 2, 0, "4-7", 1},
                 {"restricted", 16, 8, 2, 0, "16-19,48-51", 1},
                 {"restricted-memory", 8, 8, 2, 0, "4-7", 1},
                 {"offline", 14, 8, 2, 0, "4-7,12-13,15", 1}};
    CHECK_EQ(std::size(table), machines().size());
    for (const auto& row : table) {
        const Topology t = machine(row.name);
        std::set<int> cores;
        for (const Cpu& cpu : t.cpus) {
            cores.insert(cpu.core);
            CHECK_IN(row.name, t.domains[static_cast<std::size_t>(cpu.domain)].cpus.has(cpu.os));
        }
        CHECK_IN(row.name, t.cpus.size() == row.cpus && cores.size() == row.cores && t.gpus.size() == row.gpus);
        if (CHECK_IN(row.name, t.domains.size() == row.domains)) {
            CHECK_EQ(cpu_list(t.domains.back().cpus), row.last_domain);
            CHECK_EQ(t.domains.back().package, row.last_package);
        }
        CHECK(!t.here);
    }
}

void siblings_share_a_core() {
    const Topology t = machine("2socket-smt");
    CpuSet first_core;
    for (const Cpu& cpu : t.cpus) {
        if (cpu.core == 0) {
            first_core.add(cpu.os);
        }
    }
    CHECK_EQ(cpu_list(first_core), "0,32");
}

void gpus_know_their_domain() {
    const Topology t = machine("8gpu");
    if (!CHECK(t.gpus.size() == 8)) {
        return;
    }
    for (int g = 0; g < 8; ++g) {
        CHECK_EQ(t.gpus[static_cast<std::size_t>(g)].index, g);
        CHECK_EQ(t.gpus[static_cast<std::size_t>(g)].domain, g / 4);
    }
    // They are counted by their PCI addresses, wherever those lie.
    const Topology crossed = machine("cxl");
    CHECK(crossed.gpus.size() == 2 && crossed.gpus[0].domain == 1 && crossed.gpus[1].domain == 0);
    CHECK_EQ(t.gpus[0].name, "GH100 [H100 SXM5 80GB]");
    const Result<Topology> without = load_topology(source_path("tests/topo/8gpu.xml"), false);
    CHECK(without && without->gpus.empty());
}

void memory_that_is_not_ours_is_no_domain() {
    const Topology t = machine("restricted-memory");
    if (CHECK(t.domains.size() == 2)) {
        CHECK_EQ(t.domains[0].os, 0);
        CHECK_EQ(t.domains[1].os, -1);
    }
    const Topology hbm = machine("hbm");
    for (const Domain& domain : hbm.domains) {
        CHECK(domain.os < 8);
    }
}

void bad_files_are_refused() {
    CHECK_FAILS(load_topology("/nonexistent.xml", false),
                "cannot read the topology file /nonexistent.xml: No such file");
    CHECK_FAILS(load_topology("/etc/passwd", false), "/etc/passwd is not an hwloc topology");
    CHECK_FAILS(load_topology("/dev/null", false), "/dev/null is not an hwloc topology");
    CHECK_FAILS(load_topology("/", false), "/ is not an hwloc topology");
    std::string path = "/tmp/inferstep-unit-XXXXXX";
    const int fd = mkstemp(path.data());
    CHECK(fd >= 0 && close(fd) == 0);
    const Result<std::string> whole = read_file(source_path("tests/topo/1socket.xml"));
    if (CHECK(whole)) {
        CHECK(write_file(path, whole->substr(0, whole->size() / 2)));
        CHECK_FAILS(load_topology(path, false), "is not an hwloc topology");
    }
    unlink(path.c_str());
}

// What hwloc pretends by its own variable is a machine like any other.
Result<Topology> synthetic(const char* description) {
    setenv("HWLOC_SYNTHETIC", description, 1);
    Result<Topology> topology = load_topology("", true);
    unsetenv("HWLOC_SYNTHETIC");
    return topology;
}

void pretended_machines_are_seen() {
    const Result<Topology> t = synthetic("package:2 core:4 pu:2");
    if (CHECK(t)) {
        CHECK_EQ(t->cpus.size(), 16U);
        CHECK(!t->here);
    }
    CHECK_FAILS(synthetic("package:2 core:600 pu:1"), "CPUs above 1023 are not handled");
    const Result<Topology> large = synthetic("package:2 core:512 pu:1");
    CHECK(large && large->cpus.size() == 1024);
}

void this_machine_has_our_cpus() {
    const Result<Topology> t = load_topology("", true);
    CpuSet mask;
    if (!CHECK(t) || !CHECK(get_affinity(0, mask))) {
        return;
    }
    CHECK(t->here);
    CHECK_EQ(cpu_list(mask - all_cpus(*t)), "");
}

CU_TestInfo kTests[] = {
    {"CPUs, cores, domains and GPUs are counted", machines_are_counted},
    {"hardware threads share a core", siblings_share_a_core},
    {"GPUs know their domain", gpus_know_their_domain},
    {"memory that is not ours, or has no CPUs of its own, is no domain", memory_that_is_not_ours_is_no_domain},
    {"bad files are refused by name", bad_files_are_refused},
    {"machines that hwloc pretends are seen, too large ones refused", pretended_machines_are_seen},
    {"this machine has the CPUs that we may use", this_machine_has_our_cpus},
    CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kTopologySuite = suite("topology", kTests);

}  // namespace inferstep::test
