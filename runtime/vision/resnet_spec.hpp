// The ResNet family as data: which convolution stands where, under the names that torchvision gives its parameters.
//
// Plain values without libtorch, so that whoever builds the network (as TorchScript for inference, as trainable layers)
// and whoever only counts its parameters reads the same table. The stride of a bottleneck sits in its 3x3 convolution.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace inferstep {

struct ResNetSpec {
    std::string_view name;
    bool bottleneck;            // three convolutions a block, the last four times as wide, instead of two
    std::array<int, 4> blocks;  // of the stages layer1 … layer4
};

inline constexpr ResNetSpec kResNets[] = {
    {"resnet18", false, {2, 2, 2, 2}},  {"resnet34", false, {3, 4, 6, 3}},  {"resnet50", true, {3, 4, 6, 3}},
    {"resnet101", true, {3, 4, 23, 3}}, {"resnet152", true, {3, 8, 36, 3}},
};

// A convolution without bias, padded so that only its stride changes the size; a batch norm of `out` channels follows.
struct ConvSpec {
    int in, out, kernel, stride;
};

inline constexpr ConvSpec kResNetStem{3, 64, 7, 2};  // conv1, bn1; then max pooling 3x3 with stride 2

struct BlockSpec {
    std::vector<ConvSpec> convs;       // conv1, bn1, conv2, bn2, …
    std::vector<ConvSpec> downsample;  // downsample.0, downsample.1: one convolution where the shape changes, else none
};

inline const ResNetSpec* find_resnet(std::string_view name) {
    for (const ResNetSpec& spec : kResNets) {
        if (spec.name == name) {
            return &spec;
        }
    }
    return nullptr;
}

// Stage 0 … 3 holds the blocks of layer1 … layer4.
inline std::array<std::vector<BlockSpec>, 4> resnet_stages(const ResNetSpec& spec) {
    std::array<std::vector<BlockSpec>, 4> stages;
    int channels = kResNetStem.out;
    for (int stage = 0; stage < 4; ++stage) {
        const int width = 64 << stage;
        const int out = spec.bottleneck ? 4 * width : width;
        for (int i = 0; i < spec.blocks[static_cast<std::size_t>(stage)]; ++i) {
            const int stride = i == 0 && stage > 0 ? 2 : 1;
            BlockSpec block;
            if (spec.bottleneck) {
                block.convs = {{channels, width, 1, 1}, {width, width, 3, stride}, {width, out, 1, 1}};
            } else {
                block.convs = {{channels, width, 3, stride}, {width, out, 3, 1}};
            }
            if (stride != 1 || channels != out) {
                block.downsample = {{channels, out, 1, stride}};
            }
            stages[static_cast<std::size_t>(stage)].push_back(std::move(block));
            channels = out;
        }
    }
    return stages;
}

inline int resnet_features(const ResNetSpec& spec) { return spec.bottleneck ? 2048 : 512; }  // inputs of fc

// Trainable parameters: convolutions, scale and shift of the batch norms, and the classifier with its bias.
inline std::int64_t resnet_parameters(const ResNetSpec& spec, int classes) {
    const auto of = [](const ConvSpec& c) {
        return std::int64_t{c.in} * c.out * c.kernel * c.kernel + std::int64_t{2} * c.out;
    };
    std::int64_t total = of(kResNetStem) + std::int64_t{resnet_features(spec) + 1} * classes;
    for (const std::vector<BlockSpec>& stage : resnet_stages(spec)) {
        for (const BlockSpec& block : stage) {
            for (const ConvSpec& c : block.convs) {
                total += of(c);
            }
            for (const ConvSpec& c : block.downsample) {
                total += of(c);
            }
        }
    }
    return total;
}

}  // namespace inferstep
