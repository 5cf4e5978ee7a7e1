#include "inferdb/backends/model_torch.hpp"

#include <ATen/core/ivalue.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "core/json.hpp"

namespace inferstep {
namespace {

constexpr const char* kExtraFile = "inferstep.json";

// libtorch reads the file out of the caller's memory: no second copy of a large model.
class MemoryReader final : public caffe2::serialize::ReadAdapterInterface {
   public:
    explicit MemoryReader(std::string_view blob) : blob_(blob) {}
    std::size_t size() const override { return blob_.size(); }
    std::size_t read(std::uint64_t pos, void* buffer, std::size_t n, const char*) const override {
        if (pos >= blob_.size()) {
            return 0;
        }
        n = std::min<std::size_t>(n, blob_.size() - pos);
        std::memcpy(buffer, blob_.data() + pos, n);
        return n;
    }

   private:
    std::string_view blob_;
};

std::optional<at::ScalarType> scalar_type(DType type) {
    switch (type) {
        case DType::float32:
            return at::kFloat;
        case DType::float64:
            return at::kDouble;
        case DType::int8:
            return at::kChar;
        case DType::int16:
            return at::kShort;
        case DType::int32:
            return at::kInt;
        case DType::int64:
            return at::kLong;
        case DType::uint8:
            return at::kByte;
        case DType::uint16:
            return at::kUInt16;
        case DType::boolean:
            return at::kBool;
        case DType::string:
            break;
    }
    return std::nullopt;
}

std::optional<DType> dtype_of(at::ScalarType type) {
    for (int i = 0; i <= static_cast<int>(DType::boolean); ++i) {
        if (scalar_type(static_cast<DType>(i)) == type) {
            return static_cast<DType>(i);
        }
    }
    return std::nullopt;
}

// The caller's bytes as a tensor on the model's device, without a copy where libtorch can use them in place.
at::Tensor to_tensor(const TensorView& view, at::Device device) {
    const auto type = scalar_type(view.dtype);
    if (!type) {
        throw std::invalid_argument("a TORCH model takes no STRING tensor");
    }
    at::Tensor tensor = at::from_blob(const_cast<void*>(view.data), view.shape, at::TensorOptions().dtype(*type));
    if (!device.is_cpu()) {
        return tensor.to(device);
    }
    // Bytes out of a network buffer may start anywhere; kernels may rely on whole elements.
    const bool aligned = reinterpret_cast<std::uintptr_t>(view.data) % tensor.element_size() == 0;
    return aligned ? tensor : tensor.clone();
}

TensorView to_view(at::Tensor tensor) {
    tensor = tensor.to(at::kCPU);
    if (tensor.scalar_type() == at::kHalf || tensor.scalar_type() == at::kBFloat16) {
        tensor = tensor.to(at::kFloat);  // the wire has no 16-bit floats
    }
    const auto type = dtype_of(tensor.scalar_type());
    if (!type) {
        throw std::invalid_argument(std::string("the model gave a tensor of type ") +
                                    c10::toString(tensor.scalar_type()) + ", which has no name on the wire");
    }
    auto owner = std::make_shared<at::Tensor>(tensor.contiguous());
    TensorView view;
    view.dtype = *type;
    view.shape = owner->sizes().vec();
    view.data = owner->const_data_ptr();
    view.bytes = owner->nbytes();
    view.owner = std::move(owner);
    return view;
}

// A tensor, or a tuple or list of tensors, one after the other.
void collect(const c10::IValue& value, std::vector<TensorView>& views) {
    if (value.isTensor()) {
        views.push_back(to_view(value.toTensor()));
    } else if (value.isTuple()) {
        for (const c10::IValue& element : value.toTupleRef().elements()) {
            collect(element, views);
        }
    } else if (value.isTensorList()) {
        for (const at::Tensor& tensor : value.toTensorVector()) {
            views.push_back(to_view(tensor));
        }
    } else {
        throw std::invalid_argument("the model gave a " + value.tagKind() +
                                    "; tensors are expected, or a tuple or list of them");
    }
}

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

}  // namespace

std::string one_line(const std::exception& e) {
    const auto* torch_error = dynamic_cast<const c10::Error*>(&e);
    std::string text = torch_error != nullptr ? torch_error->what_without_backtrace() : e.what();
    // An error inside a script arrives below a listing of the script; its last word is the reason.
    if (const auto at = text.rfind("RuntimeError: "); at != std::string::npos) {
        text.erase(0, at + std::strlen("RuntimeError: "));
    }
    text.erase(0, text.find_first_not_of(" \r\n\t"));
    text.erase(std::min(text.find_first_of("\r\n"), text.size()));
    return text.empty() ? "libtorch failed without a word" : text;
}

TorchModel::TorchModel(std::string_view blob, at::Device device, bool optimize) : device_(device) {
    torch::jit::ExtraFilesMap extra{{kExtraFile, ""}};
    module_ = torch::jit::load(std::make_shared<MemoryReader>(blob), device, extra, /*load_debug_files=*/false);
    module_.eval();
    if (!module_.find_method("forward")) {
        throw std::invalid_argument("the model has no method forward");
    }
    if (optimize) {
        module_ = torch::jit::optimize_for_inference(module_);  // freezes first
    }
    example_shape_ = parse_example_shape(extra[kExtraFile]);
}

Result<std::vector<TensorView>> TorchModel::run(const std::vector<TensorView>& inputs) {
    try {
        const c10::InferenceMode inference;
        std::vector<c10::IValue> values;
        values.reserve(inputs.size());
        for (const TensorView& view : inputs) {
            values.emplace_back(to_tensor(view, device_));
        }
        std::vector<TensorView> outputs;
        collect(module_.forward(std::move(values)), outputs);
        return outputs;
    } catch (const std::exception& e) {
        return Error{one_line(e), {}};
    } catch (...) {
        return Error{"the model failed in an unknown way", {}};
    }
}

}  // namespace inferstep
