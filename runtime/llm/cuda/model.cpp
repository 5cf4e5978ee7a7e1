#include "llm/cuda/model.hpp"

#include <algorithm>

namespace inferstep::llm::cuda {

namespace {

int in_whole_tiles(int rows) { return (rows + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce; }

std::string upload(DeviceBuffer& to, const void* from, std::size_t bytes) {
    std::string problem = to.create(bytes);
    if (problem.empty() && bytes != 0) {
        problem = told("copying weights", cudaMemcpy(to.as<void>(), from, bytes, cudaMemcpyHostToDevice));
    }
    return problem;
}

}  // namespace

std::string DeviceMatrix::upload(const PackedMatrix& m) {
    const std::size_t scales = scale_count(m.kind, m.rows, m.columns) * sizeof(std::uint16_t);
    std::string problem = cuda::upload(numbers_, m.weights, cuda::weight_bytes(m.kind, m.rows, m.columns));
    if (problem.empty()) {
        problem = cuda::upload(scales_, m.scales, scales);
    }
    if (problem.empty() && m.kind == Kind::kInt4Min) {
        problem = cuda::upload(minima_, m.minima, scales);
    }
    weights_ = {.rows = m.rows,
                .columns = m.columns,
                .kind = m.kind,
                .numbers = numbers_.as<unsigned char>(),
                .scales = scales_.as<unsigned short>(),
                .minima = minima_.as<unsigned short>()};
    return problem;
}

std::string Model::create_buffers() {
    const auto tall = static_cast<std::size_t>(in_whole_tiles(std::max(shape.max_rows, shape.max_logit_rows)));
    const int q = shape.heads * shape.head_dim;
    const int kv = shape.kv_heads * shape.head_dim;
    const int widest = std::max({shape.hidden, q, shape.ffn});
    const auto wide_columns = static_cast<std::size_t>(std::max(q + 2 * kv, 2 * shape.ffn));
    const auto cache = static_cast<std::size_t>(shape.slots) * static_cast<std::size_t>(shape.kv_heads) *
                       static_cast<std::size_t>(shape.context) *
                       static_cast<std::size_t>(cache_columns(shape.head_dim)) * sizeof(unsigned short);
    const std::size_t scale_bytes = activation_scale_count(static_cast<int>(tall), widest) * sizeof(float);
    std::vector<std::pair<DeviceBuffer*, std::size_t>> wanted = {
        {&rows, rows_bytes()},
        {&hidden, tall * static_cast<std::size_t>(shape.hidden) * sizeof(float)},
        {&wide, tall * wide_columns * sizeof(float)},
        {&attended, tall * static_cast<std::size_t>(q) * sizeof(float)},
        {&numbers, activation_bytes(true, static_cast<int>(tall), widest)},
        {&scales, scale_bytes},
        {&sums, scale_bytes}};
    if (shape.head) {
        wanted.emplace_back(&logits, static_cast<std::size_t>(shape.max_logit_rows) *
                                         static_cast<std::size_t>(shape.vocab) * sizeof(float));
    }
    for (Layer& layer : layers) {
        wanted.emplace_back(&layer.keys, cache);
        wanted.emplace_back(&layer.values, cache);
    }
    for (const auto& [buffer, bytes] : wanted) {
        if (std::string problem = buffer->create(bytes); !problem.empty()) {
            return problem;
        }
    }
    return {};
}

std::size_t Model::rows_bytes() const {
    return static_cast<std::size_t>(shape.max_rows) * sizeof(Row) +
           static_cast<std::size_t>(shape.max_logit_rows) * sizeof(int);
}

const int* Model::picks() const {
    return reinterpret_cast<const int*>(rows.as<Row>() + static_cast<std::size_t>(shape.max_rows));
}

PackedRows Model::packed() const { return {numbers.as<unsigned char>(), scales.as<float>(), sums.as<float>()}; }

PackWork Model::norm_of(const DeviceBuffer& weight) const {
    return {.x = hidden.as<float>(),
            .stride = shape.hidden,
            .columns = shape.hidden,
            .weight = weight.as<float>(),
            .eps = shape.rms_eps};
}

void Model::run_layer(cudaStream_t stream, const Layer& layer, int count) const {
    const CacheShape cache = {shape.heads, shape.kv_heads, shape.head_dim, shape.context};
    const auto* batch = rows.as<Row>();
    auto* keys = layer.keys.as<unsigned short>();
    auto* values = layer.values.as<unsigned short>();
    const int q = shape.heads * shape.head_dim;
    const auto product = [&](Source source, const PackWork& work, const DeviceMatrix& matrix, float* y, bool add) {
        launch_pack(stream, source, matrix.weights().kind, work, count, packed());
        launch_multiply(stream, matrix.weights(), packed(), y, matrix.weights().rows, count, add);
    };
    product(Source::kNorm, norm_of(layer.attention_norm), layer.qkv, wide.as<float>(), false);
    launch_rotate(stream, cache, batch, count, rope.as<float>(), wide.as<float>(), keys, values);
    launch_attention(stream, cache, batch, count, wide.as<float>(), keys, values, attended.as<float>());
    product(Source::kPlain, {.x = attended.as<float>(), .stride = q, .columns = q}, layer.attention_out,
            hidden.as<float>(), true);
    product(Source::kNorm, norm_of(layer.ffn_norm), layer.gate_up, wide.as<float>(), false);
    product(Source::kGated, {.x = wide.as<float>(), .stride = 2 * shape.ffn, .columns = shape.ffn}, layer.down,
            hidden.as<float>(), true);
}

void Model::forward(cudaStream_t stream, int count, int logit_rows) const {
    if (shape.embedding) {
        launch_embed(stream, embedding.weights(), rows.as<Row>(), count, hidden.as<float>());
    }
    for (const Layer& layer : layers) {
        run_layer(stream, layer, count);
    }
    if (shape.head && logit_rows > 0) {
        PackWork work = norm_of(final_norm);
        work.pick = picks();
        launch_pack(stream, Source::kNorm, head_weights().kind, work, logit_rows, packed());
        launch_multiply(stream, head_weights(), packed(), logits.as<float>(), shape.vocab, logit_rows, false);
    }
}

std::size_t Model::weight_bytes() const {
    std::size_t bytes = embedding.bytes() + head.bytes() + final_norm.size();
    for (const Layer& layer : layers) {
        bytes += layer.qkv.bytes() + layer.attention_out.bytes() + layer.gate_up.bytes() + layer.down.bytes() +
                 layer.attention_norm.size() + layer.ffn_norm.size();
    }
    return bytes;
}

std::size_t Model::cache_bytes() const {
    std::size_t bytes = 0;
    for (const Layer& layer : layers) {
        bytes += layer.keys.size() + layer.values.size();
    }
    return bytes;
}

}  // namespace inferstep::llm::cuda
