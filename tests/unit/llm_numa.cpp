// Threads of a stage on machines of several NUMA domains, and a pool whose threads are pinned to them.
#include <algorithm>
#include <atomic>
#include <vector>

#include "check.hpp"
#include "llm/kernels/pool.hpp"
#include "llm/stage/numa.hpp"
#include "place_rules.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace llm;

void threads_are_divided_by_cpus() {
    const struct {
        int threads;
        std::vector<int> cpus;
        int turn;
        std::vector<int> given;
    } table[] = {
        {16, {8, 8}, 0, {8, 8}},
        {8, {8, 8}, 1, {4, 4}},
        {8, {12, 4}, 0, {6, 2}},
        {16, {15, 1}, 0, {15, 1}},
        {7, {5, 3}, 0, {4, 3}},
        {3, {8, 8}, 0, {2, 1}},
        {3, {8, 8}, 1, {1, 2}},
        {1, {8, 8}, 0, {1, 0}},
        {1, {8, 8}, 7, {0, 1}},
        {2, {4, 4, 4, 4}, 3, {1, 0, 0, 1}},
        {1, {2, 6}, 0, {0, 1}},
        {40, {8, 8}, 0, {20, 20}},
        {16, {16}, 5, {16}},
        {4, {}, 0, {}},
        {100000, {512, 512}, 0, {50000, 50000}},
    };
    for (const auto& [threads, cpus, turn, given] : table) {
        CHECK_IN(fmt::format("{} threads, turn {}", threads, turn), divide_threads(threads, cpus, turn) == given);
    }
}

void machines_have_their_domains() {
    const struct {
        const char* machine;
        const char* mask;
        int threads;
        const char* text;  // empty: no domains
    } table[] = {
        {"1socket", "0-3", 4, ""},
        {"2socket-odd-even", "0-7", 8, "NUMA nodes 0 (4), 1 (4)"},
        {"2socket-odd-even", "0,2,4,1", 4, "NUMA nodes 0 (3), 1 (1)"},
        {"2socket-odd-even", "0,2,4", 3, ""},
        {"2socket-odd-even", "0-7", 1, "NUMA node 0 (1)"},
        {"restricted-memory", "0-1023", 8, ""},  // a part of the CPUs has no memory of its own
    };
    for (const auto& [machine_name, mask, threads, text] : table) {
        const auto domains = thread_domains(machine(machine_name), cpus(mask), threads, 0);
        CHECK_EQ(domains.empty() ? "" : text_of(domains), text);
        CHECK_EQ(cpus_of_threads(domains).size(), static_cast<std::size_t>(domains.empty() ? 0 : threads));
    }
    const auto domains = thread_domains(machine("2socket-odd-even"), cpus("0-3"), 3, 1);
    CHECK(cpus_of_threads(domains) == (std::vector<CpuSet>{cpus("0,2"), cpus("1,3"), cpus("1,3")}));
}

void chunks_stay_in_their_domain() {
    CpuSet mask;
    CHECK(get_affinity(0, mask));
    CpuSet one;
    one.add(mask.next(0));
    if (one == mask) {
        std::printf("llm_numa: one CPU is no two domains\n");
        return;
    }
    const CpuSet other = mask - one;
    {
        Pool pool(5, {one, one, other, other, other});
        CHECK(pool.pinned());
        CpuSet now;
        CHECK(get_affinity(0, now) && now == one);
        for (int round = 0; round < 200; ++round) {
            const int chunks = 2 + round % 41;
            std::vector<std::atomic<int>> seen(static_cast<std::size_t>(chunks));
            std::atomic<int> strays{0};
            const auto work = [&](int chunk, int thread) {
                ++seen[static_cast<std::size_t>(chunk)];
                CpuSet here;
                const bool near = chunk < chunks * 2 / 5;  // what the first two threads have before them
                strays += get_affinity(0, here) && here == (near ? one : other) && near == (thread < 2) ? 0 : 1;
            };
            pool.each(chunks, work, Pool::Reach::kDomain);
            CHECK_EQ(strays.load(), 0);
            pool.each(chunks, work);
            CHECK(std::all_of(seen.begin(), seen.end(), [](const auto& times) { return times == 2; }));
        }
    }
    CpuSet after;
    CHECK(get_affinity(0, after) && after == mask);
}

void refused_masks_pin_nothing() {
    CpuSet mask;
    CHECK(get_affinity(0, mask));
    CpuSet missing;
    missing.add(kMaxCpus - 1);
    if (mask.has(kMaxCpus - 1)) {
        std::printf("llm_numa: this machine has all CPUs that there can be\n");
        return;
    }
    Pool pool(2, {mask, missing});
    CHECK(!pool.pinned());
    CpuSet now;
    CHECK(get_affinity(0, now) && now == mask);
    std::atomic<int> done{0};
    pool.each(
        9, [&](int, int) { ++done; }, Pool::Reach::kDomain);
    CHECK_EQ(done.load(), 9);
}

CU_TestInfo kTests[] = {
    {"threads are divided in proportion to CPUs", threads_are_divided_by_cpus},
    {"a mask has the domains of its machine", machines_have_their_domains},
    {"what is written first stays in its domain", chunks_stay_in_their_domain},
    {"masks that the system refuses pin nothing", refused_masks_pin_nothing},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kLlmNumaSuite = suite("llm_numa", kTests);

}  // namespace inferstep::test
