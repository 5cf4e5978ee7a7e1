// One query head against its keys and values, over a register type V as vector_kernels.hpp has it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "llm/vector_kernels.hpp"

namespace inferstep::llm {

// The products of one query with N keys that follow each other; each is summed as if it were alone.
template <typename V, int N>
void score_keys(const float* query, const std::uint16_t* keys, std::ptrdiff_t stride, int head_dim, float scale,
                float* scores) {
    V sums[std::size_t{N}];
    for (V& sum : sums) {
        sum = V::zero();
    }
    int d = 0;
    for (; d + V::kLanes <= head_dim; d += V::kLanes) {
        const V q = V::load(query + d);
        for (int j = 0; j < N; ++j) {
            sums[j] = V::fma(q, V::load_bf16(keys + j * stride + d), sums[j]);
        }
    }
    if (d < head_dim) {
        const V q = V::load_part(query + d, head_dim - d);
        for (int j = 0; j < N; ++j) {
            sums[j] = V::fma(q, V::load_bf16_part(keys + j * stride + d, head_dim - d), sums[j]);
        }
    }
    for (int j = 0; j < N; ++j) {
        scores[j] = sums[j].sum() * scale;
    }
}

// scores = e^(scores - their maximum); returns their sum.
template <typename V>
float soften(float* scores, int count) {
    V top = V::all(scores[0]);
    int i = 0;
    for (; i + V::kLanes <= count; i += V::kLanes) {
        top = V::max(top, V::load(scores + i));
    }
    float highest = top.highest();
    for (; i < count; ++i) {
        highest = scores[i] > highest ? scores[i] : highest;
    }
    const V shift = V::all(highest);
    V sum = V::zero();
    for (i = 0; i < count; i += V::kLanes) {
        const int n = count - i < V::kLanes ? count - i : V::kLanes;
        const V weight = exp_of(V::load_part(scores + i, n) - shift).first(n);
        weight.store_part(scores + i, n);
        sum = sum + weight;
    }
    return sum.sum();
}

// out = Σ weights[i] · values[i] · scale, for N registers of each value, of which the last may be a part.
template <typename V, int N>
void mix_values(const float* weights, const std::uint16_t* values, int count, std::ptrdiff_t stride, int dims,
                float scale, float* out) {
    constexpr int kFull = N - 1;
    const int rest = dims - kFull * V::kLanes;
    V sums[std::size_t{N}];
    for (V& sum : sums) {
        sum = V::zero();
    }
    for (int i = 0; i < count; ++i) {
        const std::uint16_t* value = values + i * stride;
        const V weight = V::all(weights[i]);
        for (int j = 0; j < kFull; ++j) {
            sums[j] = V::fma(weight, V::load_bf16(value + j * V::kLanes), sums[j]);
        }
        sums[kFull] = V::fma(weight, V::load_bf16_part(value + kFull * V::kLanes, rest), sums[kFull]);
    }
    for (int j = 0; j < kFull; ++j) {
        (sums[j] * V::all(scale)).store(out + j * V::kLanes);
    }
    (sums[kFull] * V::all(scale)).store_part(out + kFull * V::kLanes, rest);
}

template <typename V>
void mix_some(const float* weights, const std::uint16_t* values, int count, std::ptrdiff_t stride, int dims,
              float scale, float* out) {
    switch ((dims + V::kLanes - 1) / V::kLanes) {
        case 1:
            return mix_values<V, 1>(weights, values, count, stride, dims, scale, out);
        case 2:
            return mix_values<V, 2>(weights, values, count, stride, dims, scale, out);
        case 3:
            return mix_values<V, 3>(weights, values, count, stride, dims, scale, out);
        case 4:
            return mix_values<V, 4>(weights, values, count, stride, dims, scale, out);
        case 5:
            return mix_values<V, 5>(weights, values, count, stride, dims, scale, out);
        case 6:
            return mix_values<V, 6>(weights, values, count, stride, dims, scale, out);
        case 7:
            return mix_values<V, 7>(weights, values, count, stride, dims, scale, out);
        default:
            return mix_values<V, 8>(weights, values, count, stride, dims, scale, out);
    }
}

template <typename V>
void attend_with(const float* query, const std::uint16_t* keys, const std::uint16_t* values, int count,
                 std::ptrdiff_t stride, int head_dim, float* scores, float* out) {
    const float scale = 1.0F / __builtin_sqrtf(static_cast<float>(head_dim));
    int i = 0;
    for (; i + 4 <= count; i += 4) {
        score_keys<V, 4>(query, keys + i * stride, stride, head_dim, scale, scores + i);
    }
    for (; i < count; ++i) {
        score_keys<V, 1>(query, keys + i * stride, stride, head_dim, scale, scores + i);
    }
    const float share = 1.0F / soften<V>(scores, count);
    constexpr int kMost = 8 * V::kLanes;
    for (int d = 0; d < head_dim; d += kMost) {
        const int dims = head_dim - d < kMost ? head_dim - d : kMost;
        mix_some<V>(scores, values + d, count, stride, dims, share, out + d);
    }
}

}  // namespace inferstep::llm
