#include "inferdb/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace inferstep {

void ModelStats::count_size(std::int64_t count) {
    const auto above = static_cast<std::uint64_t>(std::max<std::int64_t>(count, 1)) - 1;
    ++sizes[std::min(static_cast<std::size_t>(std::bit_width(above)), kSizes - 1)];
}

std::string ModelStats::sizes_text() const {
    std::string text;
    for (std::size_t i = 0; i < kSizes; ++i) {
        if (const std::uint64_t times = sizes[i]; times != 0) {
            text += fmt::format("{}{}x{}", text.empty() ? "" : "/", std::uint64_t{1} << i, times);
        }
    }
    return text;
}

void ModelStats::reset() {
    for (std::atomic<std::uint64_t>* counter : {&calls, &errors, &samples, &batches, &trials}) {
        *counter = 0;
    }
    for (auto& size : sizes) {
        size = 0;
    }
    for (Histogram* histogram : {&queue, &input, &inference, &output}) {
        histogram->reset();
    }
}

std::int64_t joint_extent(const std::vector<std::shared_ptr<const TensorView>>& inputs) {
    const auto extent = [](const TensorView& view) { return view.shape.empty() ? 0 : view.shape.front(); };
    const std::int64_t first = inputs.empty() ? 0 : extent(*inputs.front());
    for (const auto& input : inputs) {
        if (extent(*input) != first || input->dtype == DType::string) {
            return 0;
        }
    }
    return first;
}

}  // namespace inferstep
