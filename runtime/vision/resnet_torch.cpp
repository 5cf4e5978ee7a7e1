#include "vision/resnet_torch.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <cmath>

namespace inferstep {
namespace {

using torch::jit::Module;

class Builder {
   public:
    explicit Builder(std::uint64_t seed) : generator_(at::detail::createCPUGenerator(seed)) {}

    Module network(const ResNetSpec& spec, int classes);
    // Let every batch norm take over the mean and variance that it sees for random images.
    void settle(Module& network);

   private:
    Module blank(const std::string& class_name) {
        Module module(c10::QualifiedName("__torch__.inferstep." + class_name), unit_, /*shouldMangle=*/true);
        module.register_attribute("training", c10::BoolType::get(), false);
        return module;
    }
    at::Tensor normal(at::IntArrayRef shape, double deviation) {
        return at::empty(shape).normal_(0, deviation, generator_);
    }

    Module conv(const ConvSpec& spec);
    Module norm(int channels);
    Module linear(int in, int out);
    Module chain(const std::string& class_name, const std::vector<Module>& parts);
    Module block(const BlockSpec& spec);

    std::shared_ptr<torch::jit::CompilationUnit> unit_ = std::make_shared<torch::jit::CompilationUnit>();
    at::Generator generator_;
};

Module Builder::conv(const ConvSpec& s) {
    Module m = blank("Conv2d");
    const double fan_out = static_cast<double>(s.out) * s.kernel * s.kernel;
    m.register_parameter("weight", normal({s.out, s.in, s.kernel, s.kernel}, std::sqrt(2.0 / fan_out)), false);
    m.define(
        fmt::format("def forward(self, x: Tensor) -> Tensor:\n"
                    "    return torch.conv2d(x, self.weight, None, [{0}, {0}], [{1}, {1}], [1, 1], 1)\n",
                    s.stride, s.kernel / 2));
    return m;
}

Module Builder::norm(int channels) {
    Module m = blank("BatchNorm2d");
    m.register_parameter("weight", at::ones({channels}), false);
    m.register_parameter("bias", at::zeros({channels}), false);
    m.register_buffer("running_mean", at::zeros({channels}));
    m.register_buffer("running_var", at::ones({channels}));
    m.register_buffer("num_batches_tracked", at::zeros({}, at::kLong));
    m.register_attribute("momentum", c10::FloatType::get(), 0.1);
    m.define(
        "def forward(self, x: Tensor) -> Tensor:\n"
        "    return torch.batch_norm(x, self.weight, self.bias, self.running_mean, self.running_var,\n"
        "                            self.training, self.momentum, 1e-05, True)\n");
    return m;
}

Module Builder::linear(int in, int out) {
    Module m = blank("Linear");
    const double bound = 1.0 / std::sqrt(static_cast<double>(in));
    m.register_parameter("weight", at::empty({out, in}).uniform_(-bound, bound, generator_), false);
    m.register_parameter("bias", at::empty({out}).uniform_(-bound, bound, generator_), false);
    m.define("def forward(self, x: Tensor) -> Tensor:\n    return torch.linear(x, self.weight, self.bias)\n");
    return m;
}

// Parts named 0, 1, …, one after the other, as torchvision's Sequential.
Module Builder::chain(const std::string& class_name, const std::vector<Module>& parts) {
    Module m = blank(class_name);
    std::string source = "def forward(self, x: Tensor) -> Tensor:\n";
    for (std::size_t i = 0; i < parts.size(); ++i) {
        m.register_module(std::to_string(i), parts[i]);
        source += fmt::format("    x = getattr(self, \"{}\").forward(x)\n", i);
    }
    m.define(source + "    return x\n");
    return m;
}

Module Builder::block(const BlockSpec& spec) {
    Module m = blank("Block");
    std::string source = "def forward(self, x: Tensor) -> Tensor:\n    y = x\n";
    for (std::size_t i = 1; i <= spec.convs.size(); ++i) {
        m.register_module(fmt::format("conv{}", i), conv(spec.convs[i - 1]));
        m.register_module(fmt::format("bn{}", i), norm(spec.convs[i - 1].out));
        source += fmt::format("    y = self.bn{0}.forward(self.conv{0}.forward(y))\n", i);
        source += i < spec.convs.size() ? "    y = torch.relu(y)\n" : "";
    }
    for (const ConvSpec& c : spec.downsample) {
        m.register_module("downsample", chain("Shortcut", {conv(c), norm(c.out)}));
        source += "    x = self.downsample.forward(x)\n";
    }
    m.define(source + "    return torch.relu(y + x)\n");
    return m;
}

Module Builder::network(const ResNetSpec& spec, int classes) {
    Module m = blank("ResNet");
    m.register_module("conv1", conv(kResNetStem));
    m.register_module("bn1", norm(kResNetStem.out));
    std::string source =
        "def forward(self, x: Tensor) -> Tensor:\n"
        "    x = torch.relu(self.bn1.forward(self.conv1.forward(x)))\n"
        "    x = torch.max_pool2d(x, [3, 3], [2, 2], [1, 1], [1, 1], False)\n";
    int stage_number = 0;
    for (const std::vector<BlockSpec>& stage : resnet_stages(spec)) {
        std::vector<Module> blocks;
        for (const BlockSpec& b : stage) {
            blocks.push_back(block(b));
        }
        const std::string name = fmt::format("layer{}", ++stage_number);
        m.register_module(name, chain("Stage", blocks));
        source += fmt::format("    x = self.{}.forward(x)\n", name);
    }
    m.register_module("fc", linear(resnet_features(spec), classes));
    m.define(source +
             "    x = torch.flatten(torch.adaptive_avg_pool2d(x, [1, 1]), 1)\n"
             "    return self.fc.forward(x)\n");
    return m;
}

void Builder::settle(Module& network) {
    const auto set_momentum = [&](double value) {
        for (Module part : network.modules()) {
            if (part.hasattr("momentum")) {
                part.setattr("momentum", value);
            }
        }
    };
    set_momentum(1.0);
    network.train();
    network.forward({at::randn({4, 3, 128, 128}, generator_)});
    network.eval();
    set_momentum(0.1);
}

// Sums over several threads depend on how many there are; one thread gives one answer.
class OneThread {
   public:
    OneThread() { at::set_num_threads(1); }
    ~OneThread() { at::set_num_threads(before_); }
    OneThread(const OneThread&) = delete;
    OneThread& operator=(const OneThread&) = delete;

   private:
    int before_ = at::get_num_threads();
};

}  // namespace

Module build_resnet(const ResNetSpec& spec, std::uint64_t seed, int classes) {
    const at::NoGradGuard no_gradients;
    const OneThread one_thread;
    Builder builder(seed);
    Module network = builder.network(spec, classes);
    builder.settle(network);
    return network;
}

}  // namespace inferstep
