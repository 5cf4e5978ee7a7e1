// Links of all transports: what is sent arrives, whole and in order, at any size.
#include <filesystem>
#include <random>

#include "check.hpp"
#include "comm_ranks.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

constexpr std::size_t kLargest = std::size_t{3} << 20U;

// Bytes that tell their place and their message.
std::string pattern(std::size_t message, std::size_t bytes) {
    std::string text(bytes, '\0');
    std::minstd_rand random(static_cast<unsigned>(message * 7919 + bytes));
    for (char& c : text) {
        c = static_cast<char>(random());
    }
    return text;
}

std::vector<std::size_t> sizes() {
    std::vector<std::size_t> all{0, 1, 7, 8, 4096, 12800, 0, 102400, kLargest, kLargest + 1, std::size_t{9} << 20U};
    std::minstd_rand random(5);
    for (int i = 0; i < 200; ++i) {
        all.push_back(random() % 40000);
    }
    return all;
}

std::string talk(const StepIdentity& id, const std::string& transport) {
    Result<std::unique_ptr<comm::World>> world = comm::World::join(id, comm::WorldOptions());
    if (!world) {
        return world.error().message;
    }
    comm::LinkOptions options;
    options.transport = transport;
    options.largest_message = kLargest;
    Result<std::unique_ptr<comm::Link>> link = (*world)->link(1, 0, options);
    if (!link) {
        return link.error().message;
    }
    std::size_t number = 0;
    for (const std::size_t bytes : sizes()) {
        const std::string text = pattern(number++, bytes);
        std::string got(bytes, '\0');
        const Status s = id.rank == 1 ? (*link)->send(text.data(), bytes) : (*link)->receive(got.data(), bytes);
        if (!s) {
            return s.error().message;
        }
        if (id.rank == 0 && got != text) {
            return fmt::format("message {} of {} bytes is another one", number - 1, bytes);
        }
    }
    const bool counted = (*link)->counters().messages == number;
    const std::string text = fmt::format("{} {}", (*link)->transport(), counted);
    const Status left = (*world)->leave();
    return text + " " + said(left);
}

std::ptrdiff_t open_files() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

// UCX keeps some for as long as it is loaded.
std::string talk_and_close(const StepIdentity& id, const std::string& transport) {
    const std::ptrdiff_t before = open_files();
    const std::string text = talk(id, transport);
    return transport == "ucx" || open_files() == before ? text : "files stay open: " + text;
}

void delivers(const std::string& transport, bool network, const std::string& expected) {
    Ranks ranks(new_step(2, network), [&](const StepIdentity& id) { return talk_and_close(id, transport); });
    for (const std::string& text : ranks.says()) {
        CHECK_EQ(text, expected + " true good");
    }
}

void shm_delivers() { delivers("shm", false, "shm"); }
void tcp_delivers() { delivers("tcp", true, "tcp"); }
void ucx_delivers() { delivers("ucx", true, "ucx"); }
void auto_is_shm() { delivers("auto", true, "shm"); }

// Both send the largest message before either receives.
std::string send_first(const StepIdentity& id, const std::string& transport) {
    Result<std::unique_ptr<comm::World>> world = comm::World::join(id, comm::WorldOptions());
    if (!world) {
        return world.error().message;
    }
    comm::LinkOptions options;
    options.transport = transport;
    options.largest_message = std::size_t{8} << 20U;
    Result<std::unique_ptr<comm::Link>> there = (*world)->link(0, 1, options);
    Result<std::unique_ptr<comm::Link>> back = (*world)->link(1, 0, options);
    if (!there || !back) {
        return there ? back.error().message : there.error().message;
    }
    comm::Link& out = id.rank == 0 ? **there : **back;
    comm::Link& in = id.rank == 0 ? **back : **there;
    const std::string text = pattern(1, options.largest_message);
    std::string got(text.size(), '\0');
    for (int round = 0; round < 3; ++round) {
        Status s = out.send(text.data(), text.size());
        s = s ? (*world)->barrier() : s;
        s = s ? in.receive(got.data(), got.size()) : s;
        if (!s || got != text) {
            return s ? "another message" : s.error().message;
        }
    }
    return said((*world)->leave());
}

void both_send_at_once() {
    for (const std::string transport : {"shm", "tcp", "ucx"}) {
        Ranks ranks(new_step(2, true), [&](const StepIdentity& id) { return send_first(id, transport); });
        for (const std::string& text : ranks.says()) {
            CHECK_IN(fmt::format("{}: {}", transport, text), text == "good");
        }
    }
}

std::string other_length(const StepIdentity& id, const std::string& transport) {
    Result<std::unique_ptr<comm::World>> world = comm::World::join(id, comm::WorldOptions());
    if (!world) {
        return world.error().message;
    }
    comm::LinkOptions options;
    options.transport = transport;
    Result<std::unique_ptr<comm::Link>> link = (*world)->link(0, 1, options);
    if (!link) {
        return link.error().message;
    }
    char bytes[200] = {};
    const Status s = id.rank == 0 ? (*link)->send(bytes, 100) : (*link)->receive(bytes, 90);
    const Status left = (*world)->leave();
    return said(left ? s : left);
}

void other_lengths_are_errors() {
    for (const std::string transport : {"shm", "tcp", "ucx"}) {
        Ranks ranks(new_step(2, true), [&](const StepIdentity& id) { return other_length(id, transport); });
        CHECK_EQ(ranks.says()[0], "good");
        CHECK_EQ(ranks.says()[1], "rank 0 on node n0 sends a message of 100 bytes where 90 are expected");
    }
}

// One end is killed in the middle of a stream, the other writes or reads on.
std::string torn(const StepIdentity& id, const std::string& transport, int dies) {
    Result<std::unique_ptr<comm::World>> world = comm::World::join(id, comm::WorldOptions());
    if (!world) {
        return world.error().message;
    }
    comm::LinkOptions options;
    options.transport = transport;
    Result<std::unique_ptr<comm::Link>> link = (*world)->link(0, 1, options);
    if (!link) {
        return link.error().message;
    }
    std::string data = pattern(1, 300'000);
    for (int i = 0; i < 1000; ++i) {
        if (id.rank == dies && i == 20) {
            raise(SIGKILL);
        }
        const Status s =
            id.rank == 0 ? (*link)->send(data.data(), data.size()) : (*link)->receive(data.data(), data.size());
        if (!s) {
            return s.error().message;
        }
    }
    return "a thousand messages to nobody";
}

void torn_links_name_who_died() {
    for (const std::string transport : {"shm", "tcp", "ucx"}) {
        for (const int dies : {0, 1}) {
            Ranks ranks(new_step(2, true), [&](const StepIdentity& id) { return torn(id, transport, dies); });
            const std::string text = ranks.says()[static_cast<std::size_t>(1 - dies)];
            const std::string expected =
                fmt::format("rank {} on node n{} (process {}) died", dies, dies, ranks.pid(dies));
            CHECK_IN(fmt::format("{}: {}", transport, text), text == expected);
        }
    }
}

CU_TestInfo kTests[] = {
    {"shared memory delivers", shm_delivers},
    {"TCP delivers", tcp_delivers},
    {"UCX delivers", ucx_delivers},
    {"both ends may send before either receives", both_send_at_once},
    {"a message of another length is an error", other_lengths_are_errors},
    {"a torn link names who died", torn_links_name_who_died},
    {"on one machine it is shared memory by itself", auto_is_shm},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kCommLinksSuite = suite("comm_links", kTests);

}  // namespace inferstep::test
