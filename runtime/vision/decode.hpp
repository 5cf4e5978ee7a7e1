// The two decoders behind decode_image(): libjpeg and libpng, their errors turned into sentences. Private to vision/.
#pragma once

#include <string_view>

#include "vision/image.hpp"

namespace inferstep {

// More than this and the file is taken for an attack or a mistake: a few kB can claim to be terabytes of pixels.
constexpr std::int64_t kMostPixels = 100'000'000;

Result<Pixels> decode_jpeg(std::string_view bytes, const std::string& path);
Result<Pixels> decode_png(std::string_view bytes, const std::string& path);

}  // namespace inferstep
