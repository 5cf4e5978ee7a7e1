// What AI.TENSORSET and AI.TENSORGET say and answer, alone and in graphs of commands.
#pragma once

#include "core/result.hpp"
#include "inferdb/args.hpp"
#include "inferdb/tensor.hpp"

namespace inferstep {

// `args` begins behind the key: type extent… [BLOB data | VALUES value…]
Result<TensorRef> read_tensor_set(Args args);

struct TensorParts {
    bool meta = false;
    bool blob = false;
    bool values = false;
};
// `args` begins behind the key: [META] [BLOB | VALUES]
Result<TensorParts> read_tensor_get(Args args);

int reply_tensor(redis::Context* context, const TensorView& tensor, const TensorParts& parts);

}  // namespace inferstep
