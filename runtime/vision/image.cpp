#include "vision/image.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <string_view>

#include "core/file.hpp"
#include "vision/decode.hpp"

namespace inferstep {
namespace {

constexpr int kResizedSide = 256;
constexpr std::array<float, 3> kMean{0.485F, 0.456F, 0.406F};
constexpr std::array<float, 3> kDeviation{0.229F, 0.224F, 0.225F};

// Which inputs make one output along an axis, and how much of each.
struct Window {
    int first = 0;
    std::vector<float> weights;
};

// The windows of `count` outputs from `begin` on, of an axis whose `in` points become `out`. It is the triangle filter
// of bilinear interpolation, widened by the scale when shrinking: without that, detail between the sampled points would
// turn into noise.
std::vector<Window> triangle_windows(int in, int out, int begin, int count) {
    const double scale = static_cast<double>(in) / out;
    const double support = std::max(1.0, scale);
    std::vector<Window> windows;
    for (int i = begin; i < begin + count; ++i) {
        const double center = (i + 0.5) * scale;
        const int first = std::max(0, static_cast<int>(std::lround(center - support)));
        const int last = std::min(in, static_cast<int>(std::lround(center + support)));
        Window window{first, {}};
        double sum = 0;
        for (int x = first; x < last; ++x) {
            const double weight = std::max(0.0, 1.0 - std::abs((x + 0.5 - center) / support));
            window.weights.push_back(static_cast<float>(weight));
            sum += weight;
        }
        for (float& weight : window.weights) {
            weight = static_cast<float>(weight / sum);
        }
        windows.push_back(std::move(window));
    }
    return windows;
}

// Apply the windows to one line of RGB points that lie `step` values apart, in the source and in the target.
template <typename T>
void resize_line(const T* source, float* target, const std::vector<Window>& windows, std::size_t step) {
    for (const Window& window : windows) {
        std::array<float, 3> sum{};
        const T* point = source + static_cast<std::size_t>(window.first) * step;
        for (const float weight : window.weights) {
            for (std::size_t c = 0; c < 3; ++c) {
                sum[c] += weight * static_cast<float>(point[c]);
            }
            point += step;
        }
        std::copy(sum.begin(), sum.end(), target);
        target += step;
    }
}

bool has_image_name(const std::filesystem::path& path) {
    std::string extension = path.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

}  // namespace

Result<std::vector<std::string>> list_images(const std::string& directory) {
    std::error_code code;
    std::vector<std::string> paths;
    for (std::filesystem::directory_iterator it(directory, code), end; !code && it != end; it.increment(code)) {
        std::error_code ignored;
        if (has_image_name(it->path()) && it->is_regular_file(ignored)) {
            paths.push_back(it->path().string());
        }
    }
    if (code) {
        return fail("cannot read the folder of images {}: {}", directory, code.message());
    }
    if (paths.empty()) {
        return fail("the folder of images {} holds no .jpg, .jpeg or .png file", directory);
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

Result<Pixels> decode_image(const std::string& path) {
    const auto file = read_file(path);
    if (!file) {
        return file.error();
    }
    const std::string_view bytes = *file;
    if (bytes.starts_with("\xff\xd8\xff")) {
        return decode_jpeg(bytes, path);
    }
    if (bytes.starts_with("\x89PNG\r\n\x1a\n")) {
        return decode_png(bytes, path);
    }
    return fail("{} is neither a JPEG nor a PNG image", path);
}

std::vector<float> resize_and_crop(const Pixels& pixels, int side, int crop) {
    const int shorter = std::min(pixels.width, pixels.height);
    // Only what the cut keeps is computed: a very long image would have an enormous other side.
    const auto windows = [&](int extent) {
        const auto resized = static_cast<int>(static_cast<std::int64_t>(extent) * side / shorter);
        return triangle_windows(extent, resized, (resized - crop) / 2, crop);
    };
    const auto old_row = static_cast<std::size_t>(pixels.width) * 3;
    const auto new_row = static_cast<std::size_t>(crop) * 3;
    const auto across = windows(pixels.width);
    std::vector<float> narrow(new_row * static_cast<std::size_t>(pixels.height));
    for (std::size_t y = 0; y < static_cast<std::size_t>(pixels.height); ++y) {
        resize_line(&pixels.rgb[y * old_row], &narrow[y * new_row], across, 3);
    }
    const auto down = windows(pixels.height);
    std::vector<float> result(new_row * static_cast<std::size_t>(crop));
    for (std::size_t x = 0; x < static_cast<std::size_t>(crop); ++x) {
        resize_line(&narrow[x * 3], &result[x * 3], down, new_row);
    }
    return result;
}

Result<std::vector<float>> load_image(const std::string& path) {
    const auto pixels = decode_image(path);
    if (!pixels) {
        return pixels.error();
    }
    const std::vector<float> cut = resize_and_crop(*pixels, kResizedSide, kCropSide);
    std::vector<float> tensor(kImageFloats);
    constexpr std::size_t kPlane = kImageFloats / 3;
    for (std::size_t c = 0; c < 3; ++c) {
        for (std::size_t i = 0; i < kPlane; ++i) {
            tensor[c * kPlane + i] = (cut[i * 3 + c] / 255.0F - kMean[c]) / kDeviation[c];
        }
    }
    return tensor;
}

}  // namespace inferstep
