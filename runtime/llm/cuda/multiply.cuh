// y = x · Wᵀ for any number of rows of x, each with the same bits whatever else is in the batch.
//
// A block makes 16 columns of y for up to 8·T rows of x. Its eight warps share the steps (64 columns of W) out in turn,
// each adds its own in order; then the eight sums are added in order. Neither depends on the number of rows: T only
// says how many tiles of 8 rows use the weights that a warp has just read, and every tile has accumulators of its own.
// Within mma each element of the result has its own sum over the columns. So decoding and prompts, which cuBLAS would
// give to different algorithms, are one arithmetic here; a chunk of 64 rows is bound by the reading of the weights
// anyway.
#pragma once

#include "llm/cuda/launch.hpp"
#include "llm/cuda/warp.cuh"

namespace inferstep::llm::cuda {

constexpr int kMultiplyWarps = 8;
constexpr int kMultiplyThreads = kMultiplyWarps * 32;

template <Kind K>
struct Step {
    uint4 pieces[static_cast<unsigned>(pieces_of(K))];
    uint2 scales = {};
    uint2 minima = {};
};

template <Kind K>
__device__ inline Step<K> read_step(const Weights& w, std::size_t step, int lane) {
    Step<K> out;
    const auto* pieces = reinterpret_cast<const uint4*>(w.numbers) + step * (pieces_of(K) * 32) + lane;
    INFERSTEP_UNROLL
    for (int i = 0; i < pieces_of(K); i++) {
        out.pieces[i] = __ldcs(pieces + i * 32);
    }
    if constexpr (K != Kind::kBf16) {
        out.scales = __ldcs(reinterpret_cast<const uint2*>(w.scales) + step * 8 + lane / 4);
    }
    if constexpr (K == Kind::kInt4Min) {
        out.minima = __ldcs(reinterpret_cast<const uint2*>(w.minima) + step * 8 + lane / 4);
    }
    return out;
}

// The operand of one half of a step, 16 rows × 32 numbers of 8 bits.
template <Kind K>
__device__ inline uint4 int_operand(const Step<K>& step, int half) {
    if constexpr (K == Kind::kInt8) {
        return step.pieces[half];
    } else {
        const unsigned first = half == 0 ? step.pieces[0].x : step.pieces[0].z;
        const unsigned second = half == 0 ? step.pieces[0].y : step.pieces[0].w;
        constexpr unsigned kLow = 0x0f0f0f0fU;
        uint4 a = {first & kLow, first >> 4U & kLow, second & kLow, second >> 4U & kLow};
        if constexpr (K == Kind::kInt4) {  // four bytes less 8 at once; the upper bit keeps them from borrowing
            const auto less_8 = [](unsigned bytes) { return ((bytes | 0x80808080U) - 0x08080808U) ^ 0x80808080U; };
            a = {less_8(a.x), less_8(a.y), less_8(a.z), less_8(a.w)};
        }
        return a;
    }
}

// `half` of the two numbers in half precision, exactly.
__device__ inline float half_at(unsigned pair, int half) {
    return float_of_half(static_cast<unsigned short>(half == 0 ? pair & 0xffffU : pair >> 16U));
}

// One step of one tile of 8 rows. `at`: the tile's step among the activations'.
template <Kind K>
__device__ inline void multiply_step(const Step<K>& w, const PackedRows& x, std::size_t at, int lane, float (&sum)[4]) {
    const auto* numbers = reinterpret_cast<const uint4*>(x.numbers);
    if constexpr (K == Kind::kBf16) {
        INFERSTEP_UNROLL
        for (int half = 0; half < 2; half++) {
            const uint4 b = numbers[(at * 2 + static_cast<std::size_t>(half)) * 32 + static_cast<std::size_t>(lane)];
            mma_bf16(sum, w.pieces[half * 2], b.x, b.y);
            mma_bf16(sum, w.pieces[half * 2 + 1], b.z, b.w);
        }
    } else {
        const uint4 b = numbers[at * 32 + static_cast<std::size_t>(lane)];
        INFERSTEP_UNROLL
        for (int half = 0; half < 2; half++) {
            int dot[4] = {0, 0, 0, 0};
            mma_int8(dot, int_operand<K>(w, half), half == 0 ? b.x : b.z, half == 0 ? b.y : b.w);
            const std::size_t pair = (at * 2 + static_cast<std::size_t>(half)) * 4 + static_cast<std::size_t>(lane % 4);
            const float2 of_x = reinterpret_cast<const float2*>(x.scales)[pair];
            const float of_w[2] = {half_at(w.scales.x, half), half_at(w.scales.y, half)};
            INFERSTEP_UNROLL
            for (int i = 0; i < 4; i++) {
                const float scale = __fmul_rn(of_w[i / 2], i % 2 == 0 ? of_x.x : of_x.y);
                sum[i] = __fmaf_rn(static_cast<float>(dot[i]), scale, sum[i]);
            }
            if constexpr (K == Kind::kInt4Min) {
                const float2 sums = reinterpret_cast<const float2*>(x.sums)[pair];
                const float minimum[2] = {half_at(w.minima.x, half), half_at(w.minima.y, half)};
                INFERSTEP_UNROLL
                for (int i = 0; i < 4; i++) {
                    sum[i] = __fmaf_rn(minimum[i / 2], i % 2 == 0 ? sums.x : sums.y, sum[i]);
                }
            }
        }
    }
}

// Grid: tiles of W × groups of T tiles of x. With `add`, y is added to.
template <Kind K, int T>
__global__ void __launch_bounds__(kMultiplyThreads)
    multiply_kernel(Weights w, PackedRows x, float* y, int stride, int rows, bool add) {
    __shared__ float parts[kMultiplyWarps][static_cast<unsigned>(T) * 128U];
    const int lane = static_cast<int>(threadIdx.x % 32U);
    const int warp = static_cast<int>(threadIdx.x / 32U);
    const int tile = static_cast<int>(blockIdx.x);
    const int first = static_cast<int>(blockIdx.y) * T;
    const int steps = steps_of(w.columns);
    const std::size_t base = static_cast<std::size_t>(tile) * static_cast<std::size_t>(steps);
    float sum[static_cast<unsigned>(T)][4] = {};
    Step<K> next = {};
    if (warp < steps) {
        next = read_step<K>(w, base + static_cast<std::size_t>(warp), lane);
    }
    for (int step = warp; step < steps; step += kMultiplyWarps) {
        const Step<K> now = next;  // the weights come while the step before is multiplied
        if (step + kMultiplyWarps < steps) {
            next = read_step<K>(w, base + static_cast<std::size_t>(step + kMultiplyWarps), lane);
        }
        INFERSTEP_UNROLL
        for (int t = 0; t < T; t++) {
            const std::size_t at =
                static_cast<std::size_t>(first + t) * static_cast<std::size_t>(steps) + static_cast<std::size_t>(step);
            multiply_step<K>(now, x, at, lane, sum[t]);
        }
    }
    INFERSTEP_UNROLL
    for (int t = 0; t < T; t++) {
        INFERSTEP_UNROLL
        for (int i = 0; i < 4; i++) {
            parts[warp][t * 128 + i * 32 + lane] = sum[t][i];
        }
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < T * 128; i += kMultiplyThreads) {
        const int m = i % 16;  // of the 16 columns of y
        const int n = i / 16;  // of the rows
        const int from = n / 8 * 128 + (m / 8 * 2 + n % 2) * 32 + m % 8 * 4 + n % 8 / 2;
        float total = parts[0][from];
        for (int part = 1; part < kMultiplyWarps; part++) {
            total = __fadd_rn(total, parts[part][from]);
        }
        const int row = first * kTileBatch + n;
        const int column = tile * kTileRows + m;
        if (row < rows && column < w.rows) {
            float& out =
                y[static_cast<std::size_t>(row) * static_cast<std::size_t>(stride) + static_cast<std::size_t>(column)];
            out = add ? __fadd_rn(out, total) : total;
        }
    }
}

}  // namespace inferstep::llm::cuda
