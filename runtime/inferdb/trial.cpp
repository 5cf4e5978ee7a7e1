#include "inferdb/trial.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "inferdb/dtype.hpp"

namespace inferstep {
namespace {

constexpr std::uint32_t kLongestPause = 1024;
constexpr double kSingle = 1e-4;  // what another order of summing changes, and far below what another sample does
constexpr double kDouble = 1e-10;

template <typename Float>
Float at(const void* data, std::size_t index) {  // bytes of clients may start anywhere
    Float value;
    std::memcpy(&value, static_cast<const char*>(data) + index * sizeof value, sizeof value);
    return value;
}

template <typename Float>
bool near(const TensorView& alone, const char* joint, double tolerance) {
    const std::size_t count = alone.bytes / sizeof(Float);
    double largest = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const auto value = std::abs(static_cast<double>(at<Float>(alone.data, i)));
        largest = std::isfinite(value) ? std::max(largest, value) : largest;
    }
    for (std::size_t i = 0; i < count; ++i) {
        const auto a = static_cast<double>(at<Float>(alone.data, i));
        const auto b = static_cast<double>(at<Float>(joint, i));
        const bool same = a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= tolerance * largest;
        if (!same) {
            return false;
        }
    }
    return true;
}

template <typename Float>
void disturb(const TensorView& view, Disturb how, char* to) {
    const std::size_t count = view.bytes / sizeof(Float);
    for (std::size_t i = 0; i < count; ++i) {
        const auto value = at<Float>(view.data, count - 1 - i);
        const Float other = how == Disturb::down ? -2 * value - 1 : 3 * value + 2;
        const Float chosen = std::isfinite(other) ? other : value;
        std::memcpy(to + i * sizeof chosen, &chosen, sizeof chosen);
    }
}

template <typename Whole>
void raise(const TensorView& view, char* to) {  // each its largest
    const std::size_t count = view.bytes / sizeof(Whole);
    Whole largest = std::numeric_limits<Whole>::min();
    for (std::size_t i = 0; i < count; ++i) {
        largest = std::max(largest, at<Whole>(view.data, i));
    }
    for (std::size_t i = 0; i < count; ++i) {
        std::memcpy(to + i * sizeof largest, &largest, sizeof largest);
    }
}

void raise(const TensorView& view, char* to) {
    switch (view.dtype) {
        case DType::int8:
            return raise<std::int8_t>(view, to);
        case DType::int16:
            return raise<std::int16_t>(view, to);
        case DType::int32:
            return raise<std::int32_t>(view, to);
        case DType::int64:
            return raise<std::int64_t>(view, to);
        case DType::uint16:
            return raise<std::uint16_t>(view, to);
        default:
            return raise<std::uint8_t>(view, to);
    }
}

void reverse(const TensorView& view, char* to) {
    const std::size_t size = dtype_info(view.dtype).size;
    for (std::size_t from = view.bytes; from >= size; from -= size) {
        std::memcpy(to + (view.bytes - from), static_cast<const char*>(view.data) + from - size, size);
    }
}

}  // namespace

Trials::Plan Trials::plan(const std::string& signature, std::int64_t waiting, std::int64_t limit) {
    if (stopped_ || (states_.size() >= kSignatures && !states_.contains(signature))) {
        return {};
    }
    State& state = states_[signature];
    if (state.different) {
        return {};
    }
    const bool grow = state.tried < limit && waiting > state.tried;
    const bool again = state.tried > 1 && state.joint >= kRecheck;
    if ((grow || again) && !state.under_way) {
        if (state.pause == 0) {
            return {grow ? std::min(limit, 2 * state.tried) : std::min(limit, state.tried), true};
        }
        --state.pause;
    }
    state.joint += state.tried > 1 ? 1 : 0;
    return {std::min(limit, state.tried), false};
}

void Trials::record(const std::string& signature, std::int64_t samples, Verdict verdict) {
    State& state = states_[signature];
    state.under_way = false;
    if (verdict == Verdict::different) {
        state.different = true;
        return;
    }
    if (verdict == Verdict::unclear) {
        state.unclear = std::min(kLongestPause, 2 * state.unclear + 1);
        state.pause = state.unclear;
        return;
    }
    state.unclear = 0;
    state.joint = 0;
    if (samples <= state.tried) {
        return;
    }
    state.next = state.agreed == 0 ? samples : std::min(state.next, samples);
    if (++state.agreed == kRepeats) {
        state.tried = state.next;
        state.agreed = 0;
    }
}

std::int64_t Trials::largest() const {
    std::int64_t samples = 1;
    for (const auto& [signature, state] : states_) {
        samples = stopped_ || state.different ? samples : std::max(samples, state.tried);
    }
    return samples;
}

bool differ(const TensorView& a, const TensorView& b) {
    const std::size_t common = std::min(a.bytes, b.bytes);
    return common != 0 && std::memcmp(a.data, b.data, common) != 0;
}

bool agrees(const TensorView& alone, const TensorView& joint, std::size_t offset, double tolerance) {
    if (alone.dtype != joint.dtype || offset > joint.bytes || alone.bytes > joint.bytes - offset) {
        return false;
    }
    const char* other = static_cast<const char*>(joint.data) + offset;
    switch (alone.dtype) {
        case DType::float32:
            return near<float>(alone, other, tolerance);
        case DType::float64:
            return near<double>(alone, other, tolerance);
        default:
            return alone.bytes == 0 || std::memcmp(alone.data, other, alone.bytes) == 0;
    }
}

std::shared_ptr<const TensorView> disturbed(const TensorView& view, Disturb how) {
    const auto memory = std::make_shared<std::vector<char>>(view.bytes);
    switch (view.dtype) {
        case DType::float32:
            disturb<float>(view, how, memory->data());
            break;
        case DType::float64:
            disturb<double>(view, how, memory->data());
            break;
        case DType::string:
            std::memcpy(memory->data(), view.data, view.bytes);
            break;
        default:
            how == Disturb::down ? reverse(view, memory->data()) : raise(view, memory->data());
            break;
    }
    return std::make_shared<TensorView>(TensorView{view.dtype, view.shape, memory->data(), view.bytes, memory});
}

double rounding_of(const Tensors& inputs, const Tensors& outputs) {
    const auto single = [](const auto& tensor) { return tensor->dtype == DType::float32; };
    const bool any =
        std::any_of(inputs.begin(), inputs.end(), single) || std::any_of(outputs.begin(), outputs.end(), single);
    return any ? kSingle : kDouble;
}

}  // namespace inferstep
