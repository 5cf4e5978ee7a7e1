// Shared memory without a database: the check of messages, and who has which bytes.
#include <cstring>
#include <map>
#include <random>

#include "check.hpp"
#include "db/client/arena_segment.hpp"
#include "inferdb/arena_message.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using client::ArenaRanges;

constexpr std::uint64_t kRoom = 1 << 20;

ArenaMessage message() {
    ArenaMessage m{};
    m.offset = 128;
    m.bytes = 24;
    m.shape[0] = 2;
    m.shape[1] = 3;
    m.slot = 7;
    m.key_bytes = 3;
    m.rank = 2;
    std::memcpy(m.key, "key", 3);
    return m;
}

void a_right_message_is_read() {
    const auto put = read_arena_put(message(), kRoom);
    if (!CHECK(put)) {
        return;
    }
    CHECK_EQ(put->key, "key");
    CHECK(put->dtype == DType::float32 && put->shape == std::vector<std::int64_t>({2, 3}));
    CHECK_EQ(put->offset, 128U);
    CHECK_EQ(put->bytes, 24U);
    CHECK_EQ(put->slot, 7U);
    ArenaMessage last = message();
    last.offset = kRoom - 64;
    CHECK(read_arena_put(last, kRoom));
    last.key_bytes = kArenaKey;
    last.rank = kArenaRank;
    std::fill(last.shape, last.shape + kArenaRank, 1);
    last.type = 7;
    last.bytes = 2;
    CHECK(read_arena_put(last, kRoom));
}

void a_wrong_message_is_refused() {
    const auto refused = [](auto change, const char* why) {
        ArenaMessage m = message();
        change(m);
        CHECK_FAILS(read_arena_put(m, kRoom), why);
    };
    refused([](ArenaMessage& m) { m.key_bytes = 0; }, "a key of 0 bytes");
    refused([](ArenaMessage& m) { m.key_bytes = kArenaKey + 1; }, "a key of 417 bytes");
    refused([](ArenaMessage& m) { m.type = 8; }, "a tensor of type 8");
    refused([](ArenaMessage& m) { m.rank = 0; }, "0 dimensions");
    refused([](ArenaMessage& m) { m.rank = kArenaRank + 1; }, "9 dimensions");
    refused([](ArenaMessage& m) { m.slot = kArenaSlots; }, "slot 1024");
    refused([](ArenaMessage& m) { m.bytes = 28; }, "another size");
    refused([](ArenaMessage& m) { m.shape[0] = -2; }, "another size");
    refused([](ArenaMessage& m) { m.shape[0] = m.shape[1] = INT64_MAX; }, "another size");
    refused([](ArenaMessage& m) { m.offset = 4; }, "24 bytes at 4");
    refused([](ArenaMessage& m) { m.offset = kRoom; }, "24 bytes at 1048576");
    refused([](ArenaMessage& m) { m.offset = ~std::uint64_t{63}; }, "24 bytes at");
}

void ranges_are_taken_and_given() {
    ArenaRanges ranges(256);
    CHECK_EQ(ranges.take(1).value_or(999), 0U);
    CHECK_EQ(ranges.take(65).value_or(999), 64U);
    CHECK_EQ(ranges.take(64).value_or(999), 192U);
    CHECK(!ranges.take(1));
    ranges.give(64, 65);
    CHECK(!ranges.take(129));
    ranges.give(0, 1);
    CHECK_EQ(ranges.take(192).value_or(999), 0U);  // neighbours are one
    ranges.give(192, 64);
    ranges.give(0, 192);
    CHECK_EQ(ranges.take(256).value_or(999), 0U);
}

void ranges_never_overlap() {
    constexpr std::uint64_t kAll = 1 << 16;
    ArenaRanges ranges(kAll);
    std::mt19937 random(5);
    std::map<std::uint64_t, std::uint64_t> held;
    bool sound = true;
    for (int turn = 0; turn < 20000; ++turn) {
        const std::uint64_t bytes = 1 + random() % 5000;
        const auto offset = random() % 2 == 0 ? ranges.take(bytes) : std::nullopt;
        if (offset) {
            const auto next = held.lower_bound(*offset);
            sound = sound && *offset % kArenaAlign == 0 && *offset + bytes <= kAll &&
                    (next == held.end() || next->first >= *offset + bytes) &&
                    (next == held.begin() || std::prev(next)->first + std::prev(next)->second <= *offset);
            held.emplace(*offset, bytes);
        } else if (!held.empty()) {
            const auto any = std::next(held.begin(), static_cast<std::ptrdiff_t>(random() % held.size()));
            ranges.give(any->first, any->second);
            held.erase(any);
        }
    }
    CHECK(sound);
    for (const auto& [offset, bytes] : held) {
        ranges.give(offset, bytes);
    }
    CHECK_EQ(ranges.take(kAll).value_or(999), 0U);
}

CU_TestInfo kTests[] = {
    {"a message that makes sense is read", a_right_message_is_read},
    {"one that does not is refused, and why is said", a_wrong_message_is_refused},
    {"bytes are taken, given back, and joined with their neighbours", ranges_are_taken_and_given},
    {"nobody gets bytes that another has", ranges_never_overlap},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kArenaSuite = suite("arena", kTests);

}  // namespace inferstep::test
