// The World: ranks find each other, gather, hear of deaths, and leave.
#include "check.hpp"
#include "comm_ranks.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

comm::WorldOptions quick() {
    comm::WorldOptions options;
    options.join_timeout_s = 20;
    options.silence_timeout_s = 20;
    return options;
}

std::string gather_twice(const StepIdentity& id) {
    Result<std::unique_ptr<comm::World>> world = comm::World::join(id, quick());
    if (!world) {
        return world.error().message;
    }
    std::string text;
    for (int round = 0; round < 2; ++round) {
        const Result<std::vector<std::string>> all = (*world)->all_gather(fmt::format("{}{}", id.rank, round));
        text += all ? fmt::format("{} ", fmt::join(*all, ",")) : all.error().message;
        if (const Status s = (*world)->barrier(); !s) {
            return s.error().message;
        }
    }
    text += fmt::format("{} {}", (*world)->peers()[1].node, (*world)->peers()[1].rank);
    const Status left = (*world)->leave();
    return text + " " + said(left);
}

void gathers(bool network) {
    for (const std::string& text : Ranks(new_step(4, network), gather_twice).says()) {
        CHECK_EQ(text, "00,10,20,30 01,11,21,31 n1 1 good");
    }
}

void gathers_on_one_machine() { gathers(false); }
void gathers_over_a_network() { gathers(true); }

void one_rank_alone() {
    StepIdentity id = new_step(1, false);
    Result<std::unique_ptr<comm::World>> world = comm::World::join(id, quick());
    if (!CHECK(world)) {
        return;
    }
    const Result<std::vector<std::string>> all = (*world)->all_gather("x");
    CHECK(all && all->size() == 1 && (*all)[0] == "x");
    CHECK((*world)->barrier());
    CHECK((*world)->leave());
}

// All wait for rank `dies`, which says nothing any more.
void death_is_told(bool network, int dies) {
    Ranks ranks(new_step(3, network), [dies](const StepIdentity& id) {
        Result<std::unique_ptr<comm::World>> world = comm::World::join(id, quick());
        if (!world) {
            return world.error().message;
        }
        if (const Status s = (*world)->barrier(); !s) {
            return "barrier: " + s.error().message;
        }
        if (id.rank == dies) {
            raise(SIGKILL);
        }
        return said((*world)->barrier());
    });
    const std::vector<std::string> said = ranks.says();
    for (int rank = 0; rank < 3; ++rank) {
        CHECK_EQ(said[static_cast<std::size_t>(rank)],
                 rank == dies ? "" : fmt::format("rank {} on node n{} (process {}) died", dies, dies, ranks.pid(dies)));
    }
}

void deaths_are_told() {
    for (int dies = 0; dies < 3; ++dies) {
        death_is_told(false, dies);
        death_is_told(true, dies);
    }
}

void abort_is_told() {
    Ranks ranks(new_step(3, false), [](const StepIdentity& id) {
        Result<std::unique_ptr<comm::World>> world = comm::World::join(id, quick());
        if (!world) {
            return world.error().message;
        }
        if (id.rank == 2) {
            (*world)->abort(fail("the file is not there"));
        }
        const Status s = (*world)->barrier();
        return said(s);
    });
    for (const std::string& text : ranks.says()) {
        CHECK_EQ(text, fmt::format("rank 2 on node n2 (process {}) gave up: the file is not there", ranks.pid(2)));
    }
}

CU_TestInfo kTests[] = {
    {"ranks of one machine gather", gathers_on_one_machine},
    {"ranks of several nodes gather", gathers_over_a_network},
    {"one rank alone needs nobody", one_rank_alone},
    {"the death of each rank is told to all others", deaths_are_told},
    {"giving up is told with its reason", abort_is_told},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kCommWorldSuite = suite("comm_world", kTests);

}  // namespace inferstep::test
