// Photographs as a network takes them: JPEG and PNG files of a folder → float32 tensors.
//
// Each image is decoded to 8-bit RGB (grey and palettes are widened, CMYK is converted, what is transparent becomes
// black), its shorter side is resized to 256 (bilinear, antialiased), the centre of 224 × 224 is cut out, and the
// values are normalized with ImageNet's mean and deviation: what a ResNet was trained on. The layout is channel, row,
// column.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace inferstep {

struct Pixels {  // 8-bit RGB, row by row
    int width = 0;
    int height = 0;
    std::vector<std::uint8_t> rgb;
};

constexpr int kCropSide = 224;
constexpr std::size_t kImageFloats = std::size_t{3} * kCropSide * kCropSide;

// The .jpg, .jpeg and .png files of a folder in the order of their names; an error when there is none.
Result<std::vector<std::string>> list_images(const std::string& directory);

// Errors name the file: it is neither JPEG nor PNG by content, damaged, or larger than 100 million pixels.
Result<Pixels> decode_image(const std::string& path);

// Resize so that the shorter side becomes `side`, the other keeping the proportion, and cut `crop` × `crop` out of the
// centre; crop <= side. Values stay 0 … 255 but are no longer whole; RGB, row by row.
std::vector<float> resize_and_crop(const Pixels& pixels, int side, int crop);

// Decode, resize, crop, normalize: kImageFloats values.
Result<std::vector<float>> load_image(const std::string& path);

}  // namespace inferstep
