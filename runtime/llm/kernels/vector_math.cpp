#include "llm/kernels/vector_math.hpp"

#include <cmath>

#include "llm/kernels/kernels.hpp"

namespace inferstep::llm {

void rms_norm(const float* x, const float* weight, int n, float eps, float* out) {
    kernels().rms_norm(x, weight, n, eps, out);
}

void rotate(float* heads, int count, int head_dim, const float* table, int position) {
    kernels().rotate(heads, count, head_dim, table + static_cast<std::ptrdiff_t>(position) * head_dim);
}

void make_rope_table(float* table, int positions, int head_dim, double theta) {
    const int half = head_dim / 2;
    for (int i = 0; i < half; ++i) {
        const double frequency = std::pow(theta, -2.0 * i / head_dim);
        for (int position = 0; position < positions; ++position) {
            float* row = table + static_cast<std::ptrdiff_t>(position) * head_dim;
            row[i] = static_cast<float>(std::cos(position * frequency));
            row[half + i] = static_cast<float>(std::sin(position * frequency));
        }
    }
}

void silu_times(float* gate, const float* up, int n) { kernels().silu_times(gate, up, n); }

void add(float* x, const float* y, int n) { kernels().add(x, y, n); }

void to_bf16(const float* x, std::uint16_t* out, int n) { kernels().to_bf16(x, out, n); }

void attend(const float* query, const std::uint16_t* keys, const std::uint16_t* values, int count,
            std::ptrdiff_t stride, int head_dim, float* scores, float* out) {
    kernels().attend({query, 0, scores, 0, out, 0}, 1, keys, values, count, stride, head_dim);
}

void attend_rows(HeadRows<const float> queries, int rows, const std::uint16_t* keys, const std::uint16_t* values,
                 int count, std::ptrdiff_t stride, int head_dim, float* scores, HeadRows<float> out) {
    const std::ptrdiff_t room = (std::ptrdiff_t{count} + 63) / 64 * 64;
    kernels().attend({queries.first, queries.step, scores, room, out.first, out.step}, rows, keys, values, count,
                     stride, head_dim);
}

}  // namespace inferstep::llm
