// What is done row by row between the products: embedding, norm, gating, the form that a product takes, rotation.
#pragma once

#include "llm/cuda/multiply.cuh"

namespace inferstep::llm::cuda {

constexpr int kRowWarps = 8;
constexpr int kRowThreads = kRowWarps * 32;

// One number of a matrix.
__device__ inline float element(const Weights& w, int row, int column) {
    const int steps = steps_of(w.columns);
    const Place place = weight_place(w.kind, steps, row, column);
    if (w.kind == Kind::kBf16) {
        return from_bf16_bits(*reinterpret_cast<const unsigned short*>(w.numbers + place.byte));
    }
    const unsigned byte = w.numbers[place.byte];
    const std::size_t at = scale_place(steps, row, column);
    const float scale = float_of_half(w.scales[at]);
    const int nibble = static_cast<int>(byte >> static_cast<unsigned>(place.shift) & 15U);
    if (w.kind == Kind::kInt8) {
        return __fmul_rn(static_cast<float>(static_cast<signed char>(byte)), scale);
    }
    if (w.kind == Kind::kInt4) {
        return __fmul_rn(static_cast<float>(nibble - 8), scale);
    }
    return __fmaf_rn(static_cast<float>(nibble), scale, float_of_half(w.minima[at]));
}

// Grid: rows of the batch.
__global__ void __launch_bounds__(kRowThreads) embed_kernel(Weights w, const Row* rows, float* x) {
    const int token = rows[blockIdx.x].token;
    float* out = x + static_cast<std::size_t>(blockIdx.x) * static_cast<std::size_t>(w.columns);
    for (int c = static_cast<int>(threadIdx.x); c < w.columns; c += kRowThreads) {
        out[c] = element(w, token, c);
    }
}

// The sum over all threads of the block, in an order of its own.
__device__ inline float block_sum(float x) {
    __shared__ float parts[kRowWarps];
    const float mine = warp_sum(x);
    if (threadIdx.x % 32U == 0) {
        parts[threadIdx.x / 32U] = mine;
    }
    __syncthreads();
    float sum = parts[0];
    for (int i = 1; i < kRowWarps; i++) {
        sum = __fadd_rn(sum, parts[i]);
    }
    return sum;
}

template <Source S>
__device__ inline float packed_value(const PackWork& work, const float* x, int c, float factor) {
    if constexpr (S == Source::kNorm) {
        return __fmul_rn(__fmul_rn(x[c], factor), work.weight[c]);
    } else if constexpr (S == Source::kGated) {
        return __fmul_rn(x[c] / (1.0F + expf(-x[c])), x[work.columns + c]);
    } else {
        return x[c];
    }
}

// Grid: rows of the batch. A warp makes 32 columns at a time: bf16, or int8 with the scale at which the largest is 127.
template <Source S, bool kBf16>
__global__ void __launch_bounds__(kRowThreads) pack_kernel(PackWork work, PackedRows out) {
    const int lane = static_cast<int>(threadIdx.x % 32U);
    const int row = static_cast<int>(blockIdx.x);
    const int steps = steps_of(work.columns);
    const float* x = work.x + static_cast<std::size_t>(work.pick != nullptr ? work.pick[row] : row) *
                                  static_cast<std::size_t>(work.stride);
    float factor = 1;
    if constexpr (S == Source::kNorm) {
        float squares = 0;
        for (int c = static_cast<int>(threadIdx.x); c < work.columns; c += kRowThreads) {
            squares = __fmaf_rn(x[c], x[c], squares);
        }
        factor = 1.0F / sqrtf(block_sum(squares) / static_cast<float>(work.columns) + work.eps);
    }
    for (int part = static_cast<int>(threadIdx.x / 32U); part < steps * 2; part += kRowWarps) {
        const int c = part * 32 + lane;
        const float value = c < work.columns ? packed_value<S>(work, x, c, factor) : 0;
        unsigned char* number = out.numbers + activation_place(kBf16, steps, row, c);
        if constexpr (kBf16) {
            *reinterpret_cast<unsigned short*>(number) = static_cast<unsigned short>(bf16_bits(value));
        } else {
            const float largest = warp_max(fabsf(value));
            const float inverse = largest > 0 ? 127.0F / largest : 0;
            const int rounded = static_cast<int>(rintf(__fmul_rn(value, inverse)));
            const int sum = warp_sum(rounded);
            *number = static_cast<unsigned char>(rounded & 0xff);
            if (lane == 0) {
                const float scale = __fmul_rn(largest, 1.0F / 127.0F);
                const std::size_t at = activation_scale_place(steps, row, c);
                out.scales[at] = scale;
                out.sums[at] = __fmul_rn(scale, static_cast<float>(sum));
            }
        }
    }
}

__device__ inline std::size_t cache_place(const CacheShape& shape, int slot, int kv_head, int position) {
    return ((static_cast<std::size_t>(slot) * static_cast<std::size_t>(shape.kv_heads) +
             static_cast<std::size_t>(kv_head)) *
                static_cast<std::size_t>(shape.context) +
            static_cast<std::size_t>(position)) *
           static_cast<std::size_t>(cache_columns(shape.head_dim));
}

// Grid: rows. Rotates q where it is, k on its way to the cache, where v goes as it is. `qkv`: the heads of all three
// beside each other.
__global__ void __launch_bounds__(kRowThreads) rotate_kernel(CacheShape shape, const Row* rows, const float* table,
                                                             float* qkv, unsigned short* keys, unsigned short* values) {
    const Row row = rows[blockIdx.x];
    if (row.slot < 0) {
        return;
    }
    const int half = shape.head_dim / 2;
    const int all = shape.heads + 2 * shape.kv_heads;
    float* x = qkv + static_cast<std::size_t>(blockIdx.x) * static_cast<std::size_t>(all * shape.head_dim);
    const float* cosines = table + static_cast<std::size_t>(row.position) * static_cast<std::size_t>(shape.head_dim);
    for (int i = static_cast<int>(threadIdx.x); i < all * half; i += kRowThreads) {
        const int head = i / half;
        const int d = i % half;
        float* first = x + head * shape.head_dim + d;
        const float a = *first;
        const float b = first[half];
        const bool turned = head < shape.heads + shape.kv_heads;
        const float c = turned ? cosines[d] : 1;
        const float s = turned ? cosines[half + d] : 0;
        const float out_a = __fsub_rn(__fmul_rn(a, c), __fmul_rn(b, s));
        const float out_b = __fadd_rn(__fmul_rn(b, c), __fmul_rn(a, s));
        if (head < shape.heads) {
            *first = out_a;
            first[half] = out_b;
        } else {
            const int kv = turned ? head - shape.heads : head - shape.heads - shape.kv_heads;
            unsigned short* to = (turned ? keys : values) + cache_place(shape, row.slot, kv, row.position) + d;
            *to = static_cast<unsigned short>(bf16_bits(out_a));
            to[half] = static_cast<unsigned short>(bf16_bits(out_b));
        }
    }
}

}  // namespace inferstep::llm::cuda
