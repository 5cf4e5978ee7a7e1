// One query head against the keys of its sequence: softmax in float32 while the keys go by, 32 at a time.
#pragma once

#include "llm/cuda/rows.cuh"

namespace inferstep::llm::cuda {

constexpr int kAttentionWarps = 8;
constexpr int kAttentionThreads = kAttentionWarps * 32;
constexpr int kHeadParts = 8;  // of 32 numbers: the largest head_dim is 256

__device__ inline float dot_8(const float* q, const uint4& k, float sum) {
    const unsigned pairs[4] = {k.x, k.y, k.z, k.w};
    INFERSTEP_UNROLL
    for (int i = 0; i < 4; i++) {
        sum = __fmaf_rn(q[i * 2], from_bf16_bits(pairs[i] & 0xffffU), sum);
        sum = __fmaf_rn(q[i * 2 + 1], from_bf16_bits(pairs[i] >> 16U), sum);
    }
    return sum;
}

// What a warp has seen: the largest score, the sum of exp(score - largest), and the values weighted so.
struct Seen {
    float largest;
    float sum;
    float out[kHeadParts];
};

// Keys first … first + 31, of which those below `count` are there. A lane scores one key; then it adds up its numbers
// of the values.
__device__ inline void see(const CacheShape& shape, const float* query, const unsigned short* keys,
                           const unsigned short* values, int first, int count, Seen& seen) {
    const int lane = static_cast<int>(threadIdx.x % 32U);
    const int columns = cache_columns(shape.head_dim);
    float score = -INFINITY;
    if (first + lane < count) {
        const auto* key = reinterpret_cast<const uint4*>(keys + static_cast<std::size_t>(first + lane) *
                                                                    static_cast<std::size_t>(columns));
        float dot = 0;
        for (int i = 0; i < columns / 8; i++) {
            dot = dot_8(query + i * 8, key[i], dot);
        }
        score = dot;
    }
    const float largest = fmaxf(seen.largest, warp_max(score));
    const float weight = expf(score - largest);  // 0 of a key that is not there
    const float keep = expf(seen.largest - largest);
    seen.largest = largest;
    seen.sum = __fmaf_rn(seen.sum, keep, warp_sum(weight));
    INFERSTEP_UNROLL
    for (int part = 0; part < kHeadParts; part++) {
        seen.out[part] = __fmul_rn(seen.out[part], keep);
    }
    const int here = count - first < 32 ? count - first : 32;
    for (int i = 0; i < here; i++) {
        const float of_key = __shfl_sync(kAllLanes, weight, i);
        const unsigned short* value =
            values + static_cast<std::size_t>(first + i) * static_cast<std::size_t>(columns) + lane;
        INFERSTEP_UNROLL
        for (int part = 0; part < kHeadParts; part++) {
            if (part * 32 + lane < shape.head_dim) {
                seen.out[part] = __fmaf_rn(of_key, from_bf16_bits(value[part * 32]), seen.out[part]);
            }
        }
    }
}

// Grid: rows × heads. The warps take blocks of 32 keys in turn and put together what they saw in the warps' order,
// which depends on nothing but the row's position. `qkv` as rotate_kernel left it; `out`: heads beside each other.
__global__ void __launch_bounds__(kAttentionThreads)
    attention_kernel(CacheShape shape, const Row* rows, const float* qkv, const unsigned short* keys,
                     const unsigned short* values, float* out) {
    __shared__ float query[kHeadParts * 32];
    __shared__ Seen seen[kAttentionWarps][32];
    const Row row = rows[blockIdx.x];
    if (row.slot < 0) {
        return;
    }
    const int head = static_cast<int>(blockIdx.y);
    const int lane = static_cast<int>(threadIdx.x % 32U);
    const int warp = static_cast<int>(threadIdx.x / 32U);
    const int count = row.position + 1;
    const int all = shape.heads + 2 * shape.kv_heads;
    const float* q =
        qkv + (static_cast<std::size_t>(blockIdx.x) * static_cast<std::size_t>(all) + static_cast<std::size_t>(head)) *
                  static_cast<std::size_t>(shape.head_dim);
    const float scale = 1.0F / sqrtf(static_cast<float>(shape.head_dim));
    for (int d = static_cast<int>(threadIdx.x); d < kHeadParts * 32; d += kAttentionThreads) {
        query[d] = d < shape.head_dim ? __fmul_rn(q[d], scale) : 0;
    }
    __syncthreads();
    const std::size_t cache = cache_place(shape, row.slot, head / (shape.heads / shape.kv_heads), 0);
    Seen mine = {-INFINITY, 0, {}};
    for (int first = warp * 32; first < count; first += kAttentionThreads) {
        see(shape, query, keys + cache, values + cache, first, count, mine);
    }
    seen[warp][lane] = mine;
    __syncthreads();
    if (warp != 0) {
        return;
    }
    float largest = -INFINITY;
    for (int i = 0; i < kAttentionWarps; i++) {
        largest = fmaxf(largest, seen[i][lane].largest);
    }
    float sum = 0;
    float total[kHeadParts] = {};
    for (int i = 0; i < kAttentionWarps; i++) {
        const float keep = expf(seen[i][lane].largest - largest);  // 0 of a warp that saw nothing
        sum = __fmaf_rn(seen[i][lane].sum, keep, sum);
        INFERSTEP_UNROLL
        for (int part = 0; part < kHeadParts; part++) {
            total[part] = __fmaf_rn(seen[i][lane].out[part], keep, total[part]);
        }
    }
    float* to = out + (static_cast<std::size_t>(blockIdx.x) * static_cast<std::size_t>(shape.heads) +
                       static_cast<std::size_t>(head)) *
                          static_cast<std::size_t>(shape.head_dim);
    INFERSTEP_UNROLL
    for (int part = 0; part < kHeadParts; part++) {
        if (part * 32 + lane < shape.head_dim) {
            to[part * 32 + lane] = total[part] / sum;
        }
    }
}

}  // namespace inferstep::llm::cuda
