// The preprocessing of SmartSim-Scaling's loop: an image (H, W, 3) becomes the network's input (1, 3, H, W), its
// channels normalized as for ImageNet. The database runs it as a script; the reference is computed here, without
// libtorch.
#pragma once

#include <string>

#include "bench/client_inputs.hpp"

namespace inferstep {

constexpr const char* kPreprocessFunction = "pre_process";  // its name in the script
const std::string& preprocess_script();                     // the source

// What the function makes of each input. `images`: of shape (H, W, 3).
ClientInputs preprocess(const ClientInputs& images);

}  // namespace inferstep
