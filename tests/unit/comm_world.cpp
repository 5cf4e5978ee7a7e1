// The World: ranks find each other, gather, hear of deaths, and leave.
#include "check.hpp"
#include "comm/address.hpp"
#include "comm/frame.hpp"
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

void whoever_ends_before_the_others_is_told() {
    Ranks ranks(new_step(3, true), [](const StepIdentity& id) {
        Result<std::unique_ptr<comm::World>> world = comm::World::join(id, quick());
        if (!world || id.rank == 1) {
            return world ? std::string("gone") : world.error().message;
        }
        const Status s = (*world)->barrier();
        return said(s);
    });
    CHECK_EQ(ranks.says()[1], "gone");
    for (const int rank : {0, 2}) {
        CHECK_EQ(ranks.says()[static_cast<std::size_t>(rank)],
                 fmt::format("rank 1 on node n1 (process {}) ended before the others", ranks.pid(1)));
    }
}

// Frames cut anywhere, and anything else in their place.
void frames_are_checked() {
    const std::string frame = comm::framed(comm::Kind::mail, comm::BodyWriter().number(7).text("seven").body());
    comm::FrameReader in(100);
    for (const char c : frame + frame) {
        in.add({&c, 1});
    }
    for (int i = 0; i < 2; ++i) {
        const std::optional<comm::Frame> got = in.next();
        if (!CHECK(got && got->kind == comm::Kind::mail)) {
            return;
        }
        comm::BodyReader body(got->body);
        CHECK(body.number() == 7 && body.text() == "seven" && body.done());
    }
    CHECK(!in.next() && !in.bad());
    comm::FrameReader small(10);
    small.add(frame);
    CHECK(!small.next() && small.bad());
    comm::FrameReader garbage(100);
    garbage.add("GET / HTTP/1.1");
    CHECK(!garbage.next() && garbage.bad());
    for (std::size_t size = 0; size < 21; ++size) {  // 8 of the number, 8 of the text's length, 5 of the text
        const std::string whole = comm::BodyWriter().number(7).text("seven").body();
        const std::string cut = whole.substr(0, size);
        comm::BodyReader body(cut);
        body.number();
        CHECK_EQ(body.text(), "");
        CHECK(!body.ok() && !body.done() && body.number() == 0);
    }
    const std::string huge = comm::BodyWriter().number(~std::uint64_t{0}).number(1).body();
    CHECK_EQ(comm::BodyReader(huge).text(), "");
    comm::BodyReader number(huge);
    CHECK_EQ(number.small(1 << 20), 0);
    CHECK(!number.ok());
}

void first_nodes() {
    CHECK_EQ(comm::first_node("n1"), "n1");
    CHECK_EQ(comm::first_node("n[3-5],m1"), "n3");
    CHECK_EQ(comm::first_node("rack[07,09-10]n[001-128]"), "rack07n001");
    CHECK_EQ(comm::first_node("a,b"), "a");
    CHECK_EQ(comm::first_node("n[1-2].cluster.net,x"), "n1.cluster.net");
    CHECK_EQ(comm::first_node(""), "");
}

CU_TestInfo kTests[] = {
    {"ranks of one machine gather", gathers_on_one_machine},
    {"ranks of several nodes gather", gathers_over_a_network},
    {"one rank alone needs nobody", one_rank_alone},
    {"the death of each rank is told to all others", deaths_are_told},
    {"giving up is told with its reason", abort_is_told},
    {"who ends before the others is named", whoever_ends_before_the_others_is_told},
    {"frames and what is in them are checked", frames_are_checked},
    {"the first of a list of nodes", first_nodes},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kCommWorldSuite = suite("comm_world", kTests);

}  // namespace inferstep::test
