// What a client wrote into its arena, checked. A pure function of the message and the size of the arena: a fuzzer calls
// read_arena_put() with any 512 bytes as an ArenaMessage and any data_bytes, and nothing has to be set up before.
//
//     ArenaMessage message{};
//     std::memcpy(&message, bytes, std::min(count, sizeof message));
//     if (const auto put = read_arena_put(message, 1 << 20)) { … put->offset + put->bytes <= 1 << 20 … }
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/arena_layout.hpp"
#include "core/result.hpp"
#include "inferdb/backend.hpp"

namespace inferstep {

struct ArenaPut {
    std::string key;
    DType dtype = DType::float32;
    std::vector<std::int64_t> shape;
    std::uint64_t offset = 0;  // offset + bytes <= data_bytes
    std::uint64_t bytes = 0;   // what type and shape say
    std::uint32_t slot = 0;    // < kArenaSlots
};

// `message` must be a private copy: what lies in the arena can change between a check and its use. `data_bytes`: of the
// arena's data part. Errors name the field; whoever writes such a message does not speak the protocol.
Result<ArenaPut> read_arena_put(const ArenaMessage& message, std::uint64_t data_bytes);

}  // namespace inferstep
