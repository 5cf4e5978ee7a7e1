#include "inferdb/backends/model_torch.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/json.hpp"
#include "inferdb/backends/convert_torch.hpp"
#include "inferdb/backends/device_torch.hpp"
#include "inferdb/backends/memory_reader_torch.hpp"
#include "inferdb/backends/threads_torch.hpp"

namespace inferstep {
namespace {

constexpr const char* kExtraFile = "inferstep.json";

std::vector<std::int64_t> parse_example_shape(const std::string& text) {
    std::vector<std::int64_t> shape;
    if (text.empty()) {
        return shape;
    }
    const auto json = Json::parse(text, kExtraFile);
    if (json && json->has("example_shape")) {
        for (const Json& extent : json->copy_of("example_shape").items()) {
            shape.push_back(static_cast<std::int64_t>(extent.as_number()));
        }
    }
    return shape;
}

std::optional<at::ScalarType> reduced_type(Precision precision) {
    switch (precision) {
        case Precision::bfloat16:
            return at::kBFloat16;
        case Precision::float16:
            return at::kHalf;
        case Precision::float32:
            break;
    }
    return std::nullopt;
}

// The tensors that the caller owns and others read: a model that writes into them is given copies. Only a frozen graph
// shows all that is written; of any other, every input may be.
std::vector<bool> find_written(const torch::jit::Module& module, bool frozen) {
    const auto graph = module.get_method("forward").graph();
    const std::size_t count = graph->inputs().size() - 1;  // without self
    if (!frozen) {
        return std::vector<bool>(count, true);
    }
    const torch::jit::AliasDb aliases(graph);
    std::vector<bool> written;
    for (std::size_t i = 1; i <= count; ++i) {
        written.push_back(aliases.hasWriters(graph->inputs()[i]));
    }
    return written;
}

}  // namespace

TorchModel::TorchModel(std::string_view blob, at::Device device, const ModelOptions& options)
    : device_(device), reduced_(reduced_type(options.precision)), threads_(options.threads) {
    const auto read = [&](torch::jit::ExtraFilesMap& extra) {
        return torch::jit::load(std::make_shared<MemoryReader>(blob), device, extra, /*load_debug_files=*/false);
    };
    torch::jit::ExtraFilesMap extra{{kExtraFile, ""}};
    module_ = read(extra);
    prepare(module_, options.optimize);
    example_shape_ = parse_example_shape(extra[kExtraFile]);
    if (reduced_) {
        torch::jit::ExtraFilesMap nothing;
        exact_ = read(nothing);
        exact_->eval();
        to_compare_ = true;
        compare_on_example();
    }
    settle(device_);  // weights were copied and folded in another stream than the workers'
}

void TorchModel::prepare(torch::jit::Module& module, bool optimize) {
    module.eval();
    if (!module.find_method("forward")) {
        throw std::invalid_argument("the model has no method forward");
    }
    if (reduced_) {
        module.to(*reduced_);
    }
    if (optimize) {
        module = torch::jit::freeze(module);
    }
    writes_input_ = find_written(module, optimize);
    if (optimize) {
        module = torch::jit::optimize_for_inference(module);
    }
}

c10::IValue TorchModel::forward(const Values& inputs) {
    Values values;
    values.reserve(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        at::Tensor tensor = inputs[i].toTensor();
        if (reduced_ && tensor.is_floating_point()) {
            tensor = tensor.to(*reduced_);
        } else if (i < writes_input_.size() && writes_input_[i]) {
            tensor = tensor.clone();
        }
        values.emplace_back(std::move(tensor));
    }
    return module_.forward(std::move(values));
}

// Once, with inputs as the caller gave them.
void TorchModel::compare(const Values& inputs, const c10::IValue& result) {
    std::vector<TensorView> ours;
    std::vector<TensorView> exact;
    collect(result, ours);
    Values copies;
    copies.reserve(inputs.size());
    for (const c10::IValue& input : inputs) {
        copies.emplace_back(input.toTensor().clone());
    }
    collect(exact_->forward(std::move(copies)), exact);
    exact_.reset();
    double difference = 0;
    double largest = 0;
    for (std::size_t i = 0; i < std::min(ours.size(), exact.size()); ++i) {
        if (ours[i].dtype != DType::float32 || exact[i].dtype != DType::float32 || ours[i].bytes != exact[i].bytes) {
            continue;
        }
        const auto* a = static_cast<const float*>(ours[i].data);
        const auto* b = static_cast<const float*>(exact[i].data);
        for (std::size_t j = 0; j < exact[i].bytes / sizeof(float); ++j) {
            difference = std::max(difference, std::abs(static_cast<double>(a[j]) - b[j]));
            largest = std::max(largest, std::abs(static_cast<double>(b[j])));
        }
    }
    error_ = largest > 0 ? difference / largest : difference;
}

// Numbers of a normal distribution, always the same ones.
void TorchModel::compare_on_example() {
    if (example_shape_.empty()) {
        return;
    }
    const c10::InferenceMode inference;
    const Values inputs{at::randn(example_shape_, at::detail::createCPUGenerator(0)).to(device_)};
    const c10::IValue result = forward(inputs);
    to_compare_ = false;
    compare(inputs, result);
}

std::optional<double> TorchModel::precision_error() const {
    const double error = error_;
    return std::isnan(error) ? std::nullopt : std::optional<double>(error);
}

Result<std::vector<TensorView>> TorchModel::run(const std::vector<TensorView>& inputs) {
    try {
        const c10::InferenceMode inference;
        use_threads(threads_);
        const WorkerStream stream(device_);
        Values values;
        values.reserve(inputs.size());
        for (const TensorView& view : inputs) {
            values.emplace_back(to_tensor(view, device_));
        }
        const c10::IValue result = forward(values);
        std::vector<TensorView> outputs;
        collect(result, outputs);
        if (to_compare_.exchange(false)) {
            compare(values, result);
        }
        return outputs;
    } catch (const std::exception& e) {
        return Error{one_line(e), {}};
    } catch (...) {
        return Error{"the model failed in an unknown way", {}};
    }
}

}  // namespace inferstep
