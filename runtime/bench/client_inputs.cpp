#include "bench/client_inputs.hpp"

#include <algorithm>
#include <random>

#include "core/log.hpp"
#include "vision/image.hpp"

namespace inferstep {
namespace {

constexpr std::int64_t kMostCount = 8;
constexpr std::int64_t kMostBytes = 64 << 20;

void fill_synthetic(ClientInputs& inputs, std::uint64_t seed, int rank) {
    for (int i = 0; i < inputs.count; ++i) {
        std::seed_seq sequence{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                               static_cast<std::uint32_t>(rank), static_cast<std::uint32_t>(i)};
        std::mt19937 random(sequence);
        // The generator's sequence is the same everywhere; the standard's distributions are not.
        const auto next = [&random] { return static_cast<float>(random() >> 8) * 0x1p-23F - 1.0F; };
        const auto begin = inputs.data.begin() + i * inputs.elements;
        std::generate(begin, begin + inputs.elements, next);
    }
}

// The next readable image, walking round the folder; false when a whole round found none.
bool next_image(const std::vector<std::string>& paths, std::vector<bool>& bad, std::size_t& at, ClientInputs& inputs,
                std::vector<float>& image) {
    for (std::size_t tried = 0; tried < paths.size(); ++tried, ++at) {
        const std::size_t which = at % paths.size();
        if (bad[which]) {
            continue;
        }
        if (auto loaded = load_image(paths[which])) {
            image = std::move(*loaded);
            ++at;
            return true;
        } else {
            print_warning(loaded.error().message + "; it is left out");
            bad[which] = true;
            ++inputs.damaged;
        }
    }
    return false;
}

Status fill_images(ClientInputs& inputs, const std::string& directory, int rank, int ranks) {
    const auto paths = list_images(directory);
    if (!paths) {
        return paths.error();
    }
    const auto per_batch = static_cast<std::size_t>(inputs.shape[0]);
    std::vector<bool> bad(paths->size());
    std::size_t at = paths->size() * static_cast<std::size_t>(rank) / static_cast<std::size_t>(ranks);
    auto out = inputs.data.begin();
    for (std::size_t n = per_batch * static_cast<std::size_t>(inputs.count); n > 0; --n) {
        std::vector<float> image;
        if (!next_image(*paths, bad, at, inputs, image)) {
            return fail("none of the images in {} can be read", directory);
        }
        out = std::copy(image.begin(), image.end(), out);
    }
    return Status::ok();
}

}  // namespace

Result<ClientInputs> make_inputs(const ClientOptions& options, const std::vector<std::int64_t>& sample, int rank,
                                 int ranks) {
    ClientInputs inputs;
    inputs.shape = {options.batch_size};
    inputs.shape.insert(inputs.shape.end(), sample.begin(), sample.end());
    inputs.elements = 1;
    for (const std::int64_t extent : inputs.shape) {
        if (extent < 1 || inputs.elements > (std::int64_t{1} << 31) / extent) {
            return fail("a batch of {} samples is too large: it has more than 2^31 elements", options.batch_size);
        }
        inputs.elements *= extent;
    }
    if (!options.images.empty() && sample != std::vector<std::int64_t>{3, kCropSide, kCropSide}) {
        return fail("--images gives tensors of 3 x {0} x {0}, which is not what the model takes", kCropSide);
    }
    const std::int64_t fit = kMostBytes / (inputs.elements * static_cast<std::int64_t>(sizeof(float)));
    inputs.count = static_cast<int>(std::clamp<std::int64_t>(fit, 2, kMostCount));
    inputs.count = std::min(inputs.count, options.iterations);
    inputs.data.resize(static_cast<std::size_t>(inputs.elements * inputs.count));
    if (options.images.empty()) {
        fill_synthetic(inputs, options.seed, rank);
    } else if (Status s = fill_images(inputs, options.images, rank, ranks); !s) {
        return s.error();
    }
    return inputs;
}

}  // namespace inferstep
