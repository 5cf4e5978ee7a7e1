// Links of all transports: what is sent arrives, whole and in order, at any size.
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

void delivers(const std::string& transport, bool network, const std::string& expected) {
    Ranks ranks(new_step(2, network), [&](const StepIdentity& id) { return talk(id, transport); });
    for (const std::string& text : ranks.says()) {
        CHECK_EQ(text, expected + " true good");
    }
}

void shm_delivers() { delivers("shm", false, "shm"); }
void tcp_delivers() { delivers("tcp", true, "tcp"); }
void auto_is_shm() { delivers("auto", true, "shm"); }

CU_TestInfo kTests[] = {
    {"shared memory delivers", shm_delivers},
    {"TCP delivers", tcp_delivers},
    {"on one machine it is shared memory by itself", auto_is_shm},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kCommLinksSuite = suite("comm_links", kTests);

}  // namespace inferstep::test
