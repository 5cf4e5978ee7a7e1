// What clients with an arena ask over their ordinary connection.
#include <cstring>

#include "inferdb/arena.hpp"
#include "inferdb/args.hpp"
#include "inferdb/commands.hpp"
#include "inferdb/dtype.hpp"
#include "inferdb/keys.hpp"
#include "inferdb/tensor.hpp"

namespace inferstep::command {
namespace {

// Room in the client's arena, which the client has set aside for a tensor that lies elsewhere.
struct Lent {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
};

// Where in the arena the tensor lies, copied there when there is room; nothing when it can only be sent.
std::optional<std::uint64_t> place(ArenaMemory& memory, const TensorView& tensor, const Lent& lent) {
    if (memory.holds(tensor.data, tensor.bytes)) {
        return static_cast<std::uint64_t>(static_cast<const char*>(tensor.data) - memory.data());
    }
    if (tensor.bytes > lent.bytes || tensor.dtype == DType::string) {
        return std::nullopt;
    }
    std::memcpy(memory.data() + lent.offset, tensor.data, tensor.bytes);
    return lent.offset;
}

}  // namespace

// AI._ARENA: where a client on this node asks for an arena, or nil
int arena(Context* context, String**, int argc) {
    if (argc != 1) {
        return redis::WrongArity(context);
    }
    const std::string path = arena_path(context);
    if (path.empty()) {
        return redis::ReplyWithNull(context);
    }
    reply_text(context, path);
    return redis::kOk;
}

// AI._ARENAGET key token offset bytes: as AI.TENSORGET key META BLOB, but "arena" and an offset in place of "blob" and
// the data where the tensor lies in the arena of that token, or fits into the bytes there that the client lends.
int arena_get(Context* context, String** argv, int argc) {
    if (argc != 5) {
        return redis::WrongArity(context);
    }
    const auto token = parse_number<std::uint64_t>(text_of(argv[2]));
    const auto offset = parse_number<std::uint64_t>(text_of(argv[3]));
    const auto bytes = parse_number<std::uint64_t>(text_of(argv[4]));
    const auto memory = token ? find_arena(*token) : nullptr;
    if (!memory) {
        return reply_error(context, fail("there is no such arena"));
    }
    if (!offset || !bytes || *bytes > memory->data_bytes() || *offset > memory->data_bytes() - *bytes) {
        return reply_error(context, fail("what is lent lies outside of the arena"));
    }
    const auto tensor = find_tensor(context, argv[1]);
    if (!tensor) {
        return reply_error(context, tensor.error());
    }
    const auto where = place(*memory, **tensor, {*offset, *bytes});
    redis::ReplyWithArray(context, 6);
    reply_tensor_head(context, **tensor);
    reply_text(context, where ? "arena" : "blob");
    if (where) {
        return redis::ReplyWithLongLong(context, static_cast<long long>(*where));
    }
    return redis::ReplyWithStringBuffer(context, static_cast<const char*>((*tensor)->data), (*tensor)->bytes);
}

}  // namespace inferstep::command
