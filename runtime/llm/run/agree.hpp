// What all ranks of a pipeline must have alike, and what they choose together, before they load anything.
#pragma once

#include <string>
#include <vector>

#include "comm/world.hpp"
#include "core/result.hpp"
#include "llm/files/shape.hpp"
#include "llm/kernels/matrix.hpp"
#include "llm/run/stage_settings.hpp"

namespace inferstep::llm {

struct Claim {
    std::string name;   // "batch_size", as in configuration files
    std::string value;  // long ones as a digest
};

std::vector<Claim> claims_of(const StageSettings& settings, const Shape& shape, const std::vector<Prompt>& prompts);

// Collective. The lowest of the ranks' instruction sets: kernels of two do not give the same bits. Error, the same on
// every rank: "rank 1 on node n2 has batch_size 4, and rank 0 on node n1 has 2".
Result<Isa> agree(comm::World& world, const std::vector<Claim>& claims, Isa best);
// What agree() does with the ranks' texts.
std::string claims_text(const std::vector<Claim>& claims, Isa best);
Result<Isa> compare_claims(const std::vector<comm::Peer>& peers, const std::vector<std::string>& texts);

}  // namespace inferstep::llm
