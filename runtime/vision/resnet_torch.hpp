// A ResNet as a TorchScript module, built from its table without Python. libtorch's types: only for *_torch.cpp files.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <cstdint>

#include "vision/resnet_spec.hpp"

namespace inferstep {

// A network with random weights that depend on `seed` alone, in evaluation mode: images [n,3,h,w] → scores [n,classes].
// Attributes have torchvision's names, so that its weights fit. The batch norms' statistics come from one forward of
// random images, as if it had been trained: activations stay of order one and different images get different scores.
// Throws what libtorch throws. Runs on the calling thread alone, so that the same seed gives the same bytes.
torch::jit::Module build_resnet(const ResNetSpec& spec, std::uint64_t seed, int classes);

}  // namespace inferstep
