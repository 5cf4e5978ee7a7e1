#include "inferdb/arena_message.hpp"

#include "inferdb/tensor.hpp"

namespace inferstep {

Result<ArenaPut> read_arena_put(const ArenaMessage& message, std::uint64_t data_bytes) {
    if (message.key_bytes == 0 || message.key_bytes > kArenaKey) {
        return fail("a key of {} bytes", message.key_bytes);
    }
    if (message.type > static_cast<std::uint8_t>(DType::uint16)) {
        return fail("a tensor of type {}", message.type);
    }
    if (message.rank == 0 || message.rank > kArenaRank) {
        return fail("a tensor of {} dimensions", message.rank);
    }
    if (message.slot >= kArenaSlots) {
        return fail("slot {}", message.slot);
    }
    ArenaPut put;
    put.dtype = static_cast<DType>(message.type);
    put.shape.assign(message.shape, message.shape + message.rank);
    put.offset = message.offset;
    put.bytes = message.bytes;
    put.slot = message.slot;
    const auto size = tensor_size(put.dtype, put.shape);
    if (!size || *size != put.bytes) {
        return fail("{} bytes for a tensor of another size", put.bytes);
    }
    if (put.offset % kArenaAlign != 0 || put.bytes > data_bytes || put.offset > data_bytes - put.bytes) {
        return fail("{} bytes at {} in an arena of {}", put.bytes, put.offset, data_bytes);
    }
    put.key.assign(message.key, message.key_bytes);
    return put;
}

}  // namespace inferstep
