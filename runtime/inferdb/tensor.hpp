// Tensors as values of keys: immutable once stored, shared by the key, by queued executions and by replies.
//
// Bytes live in memory that Redis counts (its own strings, or allocate()), so that maxmemory bounds them. The last
// owner lets go on the main thread or in Redis' own lazy-free thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "inferdb/api.hpp"
#include "inferdb/backend.hpp"

namespace inferstep {

using TensorRef = std::shared_ptr<const TensorView>;

constexpr std::size_t kMaxRank = 32;

// Register the type of tensor keys; once, when the module is loaded. False: Redis refused.
bool register_tensor_type(redis::Context* context);

// Errors: no such key, a key of another type.
Result<TensorRef> find_tensor(redis::Context* context, redis::String* name);
// Error: a key of another type.
Status check_tensor_key(redis::Context* context, redis::String* name);
// Replaces a tensor; a key of another type is an error.
Status store_tensor(redis::Context* context, redis::String* name, TensorRef tensor);
// Tell replicas and the append-only file what the key holds now. False: there are none.
bool replicate_tensor(redis::Context* context, redis::String* name, const TensorView& tensor);

// The four elements "dtype", its name, "shape" and the extents, with which answers about a tensor begin.
void reply_tensor_head(redis::Context* context, const TensorView& tensor);

// Memory that Redis counts, suitably aligned for any element; null when there is none. From any thread.
std::shared_ptr<void> allocate(std::size_t bytes);
// A Redis string kept alive without a copy.
std::shared_ptr<const void> hold(redis::String* string);

// Bytes of a tensor of fixed-size elements (elements, for strings), with every overflow an error, as is more than
// the limit of the settings.
Result<std::size_t> tensor_size(DType type, const std::vector<std::int64_t>& shape);

// Whether the bytes are what the type allows: BOOL is 0 or 1; STRING has one NUL at the end of each element.
Status check_content(const TensorView& tensor);

}  // namespace inferstep
