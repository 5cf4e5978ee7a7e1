// What a layer does between its matrices, for one row or one head at a time. All in float32; the order of additions is
// fixed, so that a row's result does not depend on what else is computed with it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "llm/kernels/pool.hpp"

namespace inferstep::llm {

// out = x / sqrt(mean(x²) + eps) · weight
void rms_norm(const float* x, const float* weight, int n, float eps, float* out);
// Rotates the first half of each head against the second (Hugging Face's layout), by `position`. `table` is that of
// make_rope_table(): cos and sin for every position and half.
void rotate(float* heads, int count, int head_dim, const float* table, int position);
void make_rope_table(float* table, int positions, int head_dim, double theta);  // positions × head_dim floats
// gate[i] = silu(gate[i]) · up[i]
void silu_times(float* gate, const float* up, int n);
void add(float* x, const float* y, int n);

// Keys and values are kept in bfloat16.
void to_bf16(const float* x, std::uint16_t* out, int n);

// One query head against the keys and values of positions 0 … count - 1 (at least one), which lie `stride` elements
// apart: out = Σ softmax(query · key / √head_dim) · value, in float32. Fastest with stride == head_dim. `scores`: room
// for `count` rounded up to 64 floats.
void attend(const float* query, const std::uint16_t* keys, const std::uint16_t* values, int count,
            std::ptrdiff_t stride, int head_dim, float* scores, float* out);
// The same, bit for bit, for `rows` queries of one head whose positions follow each other: the last sees `count` keys,
// each other one a key fewer than the next. Faster than one by one. `scores`: room for kAttendTogether times as many
// floats.
template <typename T>
struct HeadRows {
    T* first;
    std::ptrdiff_t step;  // floats from one row to the next
};
constexpr int kAttendTogether = 4;
void attend_rows(HeadRows<const float> queries, int rows, const std::uint16_t* keys, const std::uint16_t* values,
                 int count, std::ptrdiff_t stride, int head_dim, float* scores, HeadRows<float> out);

// Read bandwidth of this machine, now, with the pool's threads: bytes/s, the best of passes over `data` (more than the
// caches hold, such as the weights of a stage) for about so many seconds. Without data: over 512 MiB taken for it and
// given back. 0: there was no memory.
double read_bandwidth(Pool& pool, const std::byte* data, std::size_t bytes, double seconds);
double read_bandwidth(Pool& pool, double seconds);

}  // namespace inferstep::llm
