// Keys, slots and the tags of shards.
#include "check.hpp"
#include "db/client/slots.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace client;

void keys_have_slots() {
    CHECK(crc16("123456789") == 0x31c3);  // the check value of CRC-16/XMODEM
    CHECK(slot_of("foo") == 12182);       // as CLUSTER KEYSLOT says
    CHECK(slot_of("{foo}.bar") == 12182);
    CHECK(slot_of("{}foo") == crc16("{}foo") % kSlots);
    CHECK(slot_of("a}b{foo}") == 12182);
}

// Every slot may be a shard's lowest: its tag must be one, and lead back to it.
void slots_have_tags() {
    unsigned wrong = 0;
    unsigned three = 0;
    for (unsigned slot = 0; slot < kSlots; ++slot) {
        const std::string tag = shard_tag(slot);
        wrong += slot_of(shard_prefix(slot) + "model") == slot && (tag.size() == 2 || tag.size() == 3) ? 0U : 1U;
        three += tag.size() == 3 ? 1U : 0U;
    }
    CHECK(wrong == 0);
    CHECK(three > 0 && three < 1000);  // of those with a brace
    CHECK(shard_prefix(0) == std::string("{\0\0}.", 5));
}

CU_TestInfo kTests[] = {{"a key has a slot", keys_have_slots},
                        {"every slot has a tag that leads back to it", slots_have_tags},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kSlotsSuite = suite("slots", kTests);

}  // namespace inferstep::test
