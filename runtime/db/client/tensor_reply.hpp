// Tensors between the caller's memory and the wire, every length checked. Private to the library.
#pragma once

#include "db/client/connection.hpp"

namespace inferstep::client {

// Elements of a shape. usage: a negative dimension, or more than memory can hold.
ClientStatus element_count(std::string_view key, std::span<const std::int64_t> shape, std::size_t& count);

// The bytes to send for `tensor`. usage: no data though the shape has elements.
ClientStatus payload_of(const TensorIn& tensor, Bytes& payload);

// Take an answer to AI.TENSORGET key META BLOB, or to AI._ARENAGET, whose data may lie in `arena`. mismatch: it is
// none, or another type or size than `out` has. `filled`: the data lies in `out` already.
ClientStatus copy_tensor(const redisReply& reply, const TensorOut& out, Bytes arena = {}, bool filled = false);
ClientStatus copy_tensor(const redisReply& reply, std::string_view key, Tensor& out);

}  // namespace inferstep::client
