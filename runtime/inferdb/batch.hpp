// Executing requests on the calling thread: inputs are joined along the first dimension, outputs told apart.
//
// What is executed holds its own references to model and tensors, so that it stays whole when the requests are answered
// before their time.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "inferdb/request.hpp"

namespace inferstep {

using Allocate = std::shared_ptr<void> (*)(std::size_t bytes);  // memory for outputs; null when there is none

// One request: what goes in, and what came out or why nothing did.
struct Part {
    Part() = default;
    explicit Part(const Request& request);

    Tensors inputs;
    Request::Call call;
    std::size_t output_count = 0;
    std::int64_t samples = 1;  // first extent of the first input
    Tensors outputs;
    std::string error;
};

// Execute the parts together, and count. When a joint execution fails, every part is executed alone, so that one bad
// input spoils no other's result.
void execute(Target& target, std::span<Part> parts, Allocate allocate);

// Execute together parts that have been executed alone, and compare. `samples` becomes how many were together.
Verdict try_together(const Target& target, std::span<const Part> parts, double tolerance, std::int64_t& samples);

}  // namespace inferstep
