// How the layers are divided among the stages: so that the slowest stage is as fast as can be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "llm/files/shape.hpp"
#include "llm/kernels/matrix.hpp"

namespace inferstep::llm {

// Costs in units of one layer; by default from the bytes that a token reads.
struct StageCosts {
    double embedding = 0;
    double head = 0;
};
StageCosts costs_of(const Shape& shape);

// `stages` ranges that cover the model, each with at least one layer: the largest cost is as small as can be, then the
// sum of the squares; earlier stages take the larger shares when two divisions are equally good.
// Error: more stages than layers.
Result<std::vector<LayerRange>> divide(const Shape& shape, int stages);
// The user's own: layers of each stage ("13,13" as {13, 13}). Error: they do not add up.
Result<std::vector<LayerRange>> divide_as(const Shape& shape, const std::vector<int>& layers);

// The memory of a range's weights when the matrices have this format. The embedding stays bf16, unless it is the head's
// matrix too.
std::int64_t weight_bytes(const Shape& shape, const LayerRange& range, Format format);
// The format of the one matrix of a tied embedding and head: four bits are too few for it.
Format tied_format(Format format);

// "stage 0: embedding, layers 0-12 (1.82 GB), cost 13.00", one line each.
std::string describe(const Shape& shape, const std::vector<LayerRange>& ranges, Format format = Format::kBf16);

}  // namespace inferstep::llm
