// What every stage looks at before it works, whatever device it is on.
#pragma once

#include <span>

#include "core/result.hpp"
#include "llm/stage/stage.hpp"

namespace inferstep::llm {

// That the range is in the model, the context not longer than the model's, and there is room for something.
Status check_options(const Shape& shape, const StageOptions& options);

// That every span lies inside of the slots and positions, every token in the vocabulary, and the batch is no larger
// than the stage was made for.
Status check_batch(const Batch& batch, std::span<const int> tokens, const Shape& shape, const StageOptions& options);

}  // namespace inferstep::llm
