#include "bench/client_preprocess.hpp"

#include <array>

namespace inferstep {
namespace {

constexpr std::array<float, 3> kMean{0.485F, 0.456F, 0.406F};
constexpr std::array<float, 3> kDeviation{0.229F, 0.224F, 0.225F};

std::string list_of(const std::array<float, 3>& values) {
    return fmt::format("{}, {}, {}", values[0], values[1], values[2]);
}

}  // namespace

const std::string& preprocess_script() {
    static const std::string source = fmt::format(
        "def {}(image: Tensor) -> Tensor:\n"
        "    mean = torch.tensor([{}], device=image.device)\n"
        "    deviation = torch.tensor([{}], device=image.device)\n"
        "    normalized = (image - mean) / deviation\n"
        "    return normalized.permute([2, 0, 1]).unsqueeze(0).contiguous()\n",
        kPreprocessFunction, list_of(kMean), list_of(kDeviation));
    return source;
}

ClientInputs preprocess(const ClientInputs& images) {
    const std::int64_t height = images.shape[0];
    const std::int64_t width = images.shape[1];
    const std::int64_t pixels = height * width;
    ClientInputs inputs = images;
    inputs.shape = {1, 3, height, width};
    for (int n = 0; n < images.count; ++n) {
        const float* from = images.batch(n);
        float* to = inputs.data.data() + n * inputs.elements;
        for (std::size_t c = 0; c < 3; ++c) {
            for (std::int64_t i = 0; i < pixels; ++i) {
                *to++ = (from[3 * i + static_cast<std::int64_t>(c)] - kMean[c]) / kDeviation[c];
            }
        }
    }
    return inputs;
}

}  // namespace inferstep
