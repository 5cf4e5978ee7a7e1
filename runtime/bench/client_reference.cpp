#include "bench/client_reference.hpp"

#include <algorithm>
#include <cmath>

#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/stats.hpp"

namespace inferstep {
namespace {

// The largest difference of two vectors; infinite when a value is not a number.
double distance(const float* a, const float* b, std::int64_t n) {
    double largest = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
        if (!(d <= largest)) {
            largest = std::isnan(d) ? INFINITY : d;
        }
    }
    return largest;
}

// Every pair of samples: an answer to another request could pass for ours if two were as close as the tolerance.
void measure_apart(Reference& reference, int batches, int samples_of_batch) {
    const std::int64_t each = reference.elements / samples_of_batch;
    const std::int64_t samples = static_cast<std::int64_t>(batches) * samples_of_batch;
    // All pairs of very many samples would take long and say no more than those of the first.
    const std::int64_t looked_at = std::min<std::int64_t>(samples, 64);
    double nearest = INFINITY;
    for (std::int64_t i = 0; i < looked_at; ++i) {
        for (std::int64_t j = i + 1; j < looked_at; ++j) {
            nearest = std::min(nearest, distance(&reference.data[static_cast<std::size_t>(i * each)],
                                                 &reference.data[static_cast<std::size_t>(j * each)], each));
        }
    }
    for (const float value : reference.data) {
        reference.scale = std::max(reference.scale, static_cast<double>(std::abs(value)));
    }
    reference.apart = reference.scale > 0 && looked_at > 1 ? nearest / reference.scale : 0;
}

}  // namespace

Result<ReferenceModel> ReferenceModel::load(std::string_view file, const std::string& name, int threads) {
    const auto backend = open_torch_backend(library_directory());
    if (!backend) {
        return backend.error();
    }
    (*backend)->prepare_thread(threads);
    ModelOptions options;
    options.optimize = false;
    auto model = (*backend)->load(file, options);
    if (!model) {
        return fail("the model {} cannot be used: {}", name, model.error().message);
    }
    ReferenceModel reference;
    reference.name_ = name;
    reference.version_ = (*backend)->version();
    reference.model_ = std::move(*model);
    return reference;
}

std::vector<std::int64_t> ReferenceModel::sample_shape() const {
    std::vector<std::int64_t> shape = model_->example_shape();
    if (!shape.empty()) {
        shape.erase(shape.begin());
    }
    return shape;
}

Result<Reference> ReferenceModel::run(const ClientInputs& inputs) const {
    Reference reference;
    reference.version = version_;
    std::vector<double> times;
    for (int i = 0; i < inputs.count; ++i) {
        TensorView input;
        input.shape = inputs.shape;
        input.data = inputs.batch(i);
        input.bytes = static_cast<std::size_t>(inputs.elements) * sizeof(float);
        const std::int64_t start = now_ns();
        const auto outputs = model_->run({input});
        times.push_back(seconds_since(start));
        if (!outputs) {
            return with_hint(fail("the model {} fails on its input: {}", name_, outputs.error().message),
                             "--shape gives the shape of one sample");
        }
        const TensorView& output = outputs->front();
        if (outputs->size() != 1 || output.dtype != DType::float32 || output.shape.empty() ||
            output.shape[0] != inputs.shape[0]) {
            return fail("the model {} must give one tensor of 32-bit floats with a row per sample", name_);
        }
        const auto* values = static_cast<const float*>(output.data);
        reference.elements = static_cast<std::int64_t>(output.bytes / sizeof(float));
        reference.data.insert(reference.data.end(), values, values + reference.elements);
    }
    if (!std::all_of(reference.data.begin(), reference.data.end(), [](float v) { return std::isfinite(v); })) {
        return fail("the model {} gives values that are no finite numbers: nothing can be compared with them", name_);
    }
    measure_apart(reference, inputs.count, static_cast<int>(inputs.shape[0]));
    reference.seconds = percentile(times, 0.5);
    return reference;
}

int count_wrong(const Reference& reference, int batch, const float* output, int samples, double tolerance,
                double& worst) {
    const std::int64_t each = reference.elements / samples;
    int wrong = 0;
    for (std::int64_t i = 0; i < samples; ++i) {
        const double d = distance(output + i * each, reference.batch(batch) + i * each, each);
        const double relative = reference.scale > 0 ? d / reference.scale : d;
        wrong += relative > tolerance ? 1 : 0;
        worst = std::max(worst, relative);
    }
    return wrong;
}

}  // namespace inferstep
