#include "inferdb/backends/model_torch.hpp"

#include <c10/core/InferenceMode.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "core/json.hpp"
#include "inferdb/backends/convert_torch.hpp"

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
