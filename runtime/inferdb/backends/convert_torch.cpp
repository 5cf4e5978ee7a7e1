#include "inferdb/backends/convert_torch.hpp"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>

#include "inferdb/backends/device_torch.hpp"

namespace inferstep {
namespace {

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

TensorView to_view(at::Tensor tensor) {
    tensor = tensor.is_cpu() ? tensor : to_host(tensor);
    if (tensor.scalar_type() == at::kHalf || tensor.scalar_type() == at::kBFloat16) {
        tensor = tensor.to(at::kFloat);  // the wire has no 16-bit floats
    }
    const auto type = dtype_of(tensor.scalar_type());
    if (!type) {
        throw std::invalid_argument(std::string("the result holds a tensor of type ") +
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

}  // namespace

at::Tensor to_tensor(const TensorView& view, at::Device device) {
    const auto type = scalar_type(view.dtype);
    if (!type) {
        throw std::invalid_argument("libtorch takes no STRING tensor");
    }
    at::Tensor tensor = at::from_blob(const_cast<void*>(view.data), view.shape, at::TensorOptions().dtype(*type));
    if (!device.is_cpu()) {
        return to_device(tensor, device);
    }
    // Bytes out of a network buffer may start anywhere; kernels may rely on whole elements.
    const bool aligned = reinterpret_cast<std::uintptr_t>(view.data) % tensor.element_size() == 0;
    return aligned ? tensor : tensor.clone();
}

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
        throw std::invalid_argument("the result is a " + value.tagKind() +
                                    "; tensors are expected, or a tuple or list of them");
    }
}

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

}  // namespace inferstep
