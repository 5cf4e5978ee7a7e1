// How the layers are divided among the stages: so that the slowest stage is as fast as can be.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "llm/shape.hpp"

namespace inferstep::llm {

// Costs in units of one layer; by default from the bytes that a token reads.
struct StageCosts {
    double embedding = 0;
    double head = 0;
};
StageCosts costs_of(const Shape& shape);

// `stages` ranges that cover the model; earlier stages take the larger shares when two divisions are equally good.
// Error: more stages than layers.
Result<std::vector<LayerRange>> divide(const Shape& shape, int stages);
// The user's own: layers of each stage ("13,13" as {13, 13}). Error: they do not add up.
Result<std::vector<LayerRange>> divide_as(const Shape& shape, const std::vector<int>& layers);
// "stage 0: embedding, layers 0-12 (1.63 GB)…", one line each.
std::string describe(const Shape& shape, const std::vector<LayerRange>& ranges);

}  // namespace inferstep::llm
