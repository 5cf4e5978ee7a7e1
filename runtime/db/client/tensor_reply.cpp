#include "db/client/tensor_reply.hpp"

#include <cstring>

namespace inferstep::client {
namespace {

using Code = ClientStatus::Code;

struct Parsed {
    TensorType type = TensorType::float32;
    std::vector<std::int64_t> shape;
    Bytes data;
};

bool type_named(std::string_view name, TensorType& type) {
    for (int i = 0; i <= static_cast<int>(TensorType::boolean); ++i) {
        if (name == name_of(static_cast<TensorType>(i))) {
            type = static_cast<TensorType>(i);
            return true;
        }
    }
    return false;
}

std::string tensor(std::string_view key) { return "tensor " + std::string(key); }

// Where the data of a tensor may lie beside in the answer itself.
struct Elsewhere {
    Bytes arena;
    Bytes received;  // the data itself
};

// The bytes of the answer, those received before it, or those at the offset in the arena that it names; null: none.
const char* data_of(const redisReply& blob, std::size_t bytes, const Elsewhere& elsewhere) {
    const Bytes arena = elsewhere.arena;
    if (!elsewhere.received.empty()) {
        return elsewhere.received.size() == bytes ? reinterpret_cast<const char*>(elsewhere.received.data()) : nullptr;
    }
    if (blob.type == REDIS_REPLY_STRING) {
        return blob.len == bytes ? blob.str : nullptr;
    }
    const bool inside =
        blob.integer >= 0 && bytes <= arena.size() && static_cast<std::size_t>(blob.integer) <= arena.size() - bytes;
    return inside ? reinterpret_cast<const char*>(arena.data()) + blob.integer : nullptr;
}

// The answer is an array: "dtype", name, "shape", dimensions, "blob", bytes; or "arena", offset at its end.
ClientStatus parse(const redisReply& reply, std::string_view key, const Elsewhere& elsewhere, Parsed& out) {
    ClientStatus odd(Code::mismatch, tensor(key) + ": the database's answer is not a tensor");
    if (reply.type == REDIS_REPLY_NIL) {
        return {Code::server, tensor(key) + " does not exist in the database"};
    }
    if (reply.type != REDIS_REPLY_ARRAY || reply.elements < 6) {
        return odd;
    }
    const redisReply& type = *reply.element[1];
    const redisReply& shape = *reply.element[3];
    const redisReply& blob = *reply.element[5];
    if ((type.type != REDIS_REPLY_STRING && type.type != REDIS_REPLY_STATUS) || shape.type != REDIS_REPLY_ARRAY ||
        (blob.type != REDIS_REPLY_STRING && (blob.type != REDIS_REPLY_INTEGER || elsewhere.arena.empty()))) {
        return odd;
    }
    if (!type_named({type.str, type.len}, out.type)) {
        return {Code::mismatch,
                tensor(key) + " has type " + std::string(type.str, type.len) + ", which this client cannot take"};
    }
    for (std::size_t i = 0; i < shape.elements; ++i) {
        if (shape.element[i]->type != REDIS_REPLY_INTEGER) {
            return odd;
        }
        out.shape.push_back(shape.element[i]->integer);
    }
    std::size_t count = 0;
    const bool sane = static_cast<bool>(element_count(key, out.shape, count));
    const std::size_t bytes = count * bytes_of(out.type);
    const char* data = sane ? data_of(blob, bytes, elsewhere) : nullptr;
    if (data == nullptr) {
        return {Code::mismatch, tensor(key) + ": the database sent " + std::to_string(blob.len) +
                                    " bytes, which is not what its shape says"};
    }
    out.data = std::as_bytes(std::span(data, bytes));
    return {};
}

}  // namespace

ClientStatus element_count(std::string_view key, std::span<const std::int64_t> shape, std::size_t& count) {
    // Eight bytes an element at most: a count up to here never overflows when it becomes bytes.
    constexpr std::int64_t kMost = INT64_MAX / 8;
    std::int64_t product = 1;
    for (const std::int64_t d : shape) {
        if (d < 0 || (d > 0 && product > kMost / d)) {
            return {Code::usage, tensor(key) + ": its shape has a dimension of " + std::to_string(d) +
                                     (d < 0 ? ", which cannot be" : " and more elements than fit in memory")};
        }
        product *= d;
    }
    count = static_cast<std::size_t>(product);
    return {};
}

ClientStatus payload_of(const TensorIn& in, Bytes& payload) {
    std::size_t count = 0;
    if (in.shape.empty()) {
        return {Code::usage, tensor(in.key) + ": its shape is empty; a single number has shape {1}"};
    }
    if (ClientStatus s = element_count(in.key, in.shape, count); !s) {
        return s;
    }
    if (in.data == nullptr && count > 0) {
        return {Code::usage, tensor(in.key) + ": no data was given"};
    }
    payload = {static_cast<const std::byte*>(in.data), count * bytes_of(in.type)};
    return {};
}

ClientStatus copy_tensor(const redisReply& reply, const TensorOut& out, Bytes arena, bool filled) {
    Parsed parsed;
    const Bytes received{static_cast<const std::byte*>(out.data), filled ? out.bytes : 0};
    if (ClientStatus s = parse(reply, out.key, {arena, received}, parsed); !s) {
        return s;
    }
    if (parsed.type != out.type || parsed.data.size() != out.bytes) {
        return {Code::mismatch, tensor(out.key) + " has " + std::to_string(parsed.data.size()) + " bytes of " +
                                    name_of(parsed.type) + "; " + std::to_string(out.bytes) + " bytes of " +
                                    name_of(out.type) + " were asked for"};
    }
    if (out.bytes > 0 && !filled) {
        std::memcpy(out.data, parsed.data.data(), out.bytes);
    }
    return {};
}

ClientStatus copy_tensor(const redisReply& reply, std::string_view key, Tensor& out) {
    Parsed parsed;
    if (ClientStatus s = parse(reply, key, {}, parsed); !s) {
        return s;
    }
    out.type = parsed.type;
    out.shape = std::move(parsed.shape);
    out.data.assign(parsed.data.begin(), parsed.data.end());
    return {};
}

}  // namespace inferstep::client
