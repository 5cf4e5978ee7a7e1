// What a warp does together: sums, and the tensor cores' products. sm_80 and later have mma for bf16 and int8; for
// sm_75, and in the tests' emulation of a GPU on the host, the same products are made out of shuffles.
#pragma once

#include <cstdint>

#include "llm/cuda/layout.hpp"

namespace inferstep::llm::cuda {

constexpr unsigned kAllLanes = 0xffffffffU;

__device__ inline float from_bf16_bits(unsigned bits) { return __uint_as_float(bits << 16U); }

// To the nearest, ties to even, as the CPU's to_bf16().
__device__ inline unsigned bf16_bits(float x) {
    const unsigned bits = __float_as_uint(x);
    if ((bits & 0x7fffffffU) > 0x7f800000U) {
        return (bits >> 16U) | 0x40U;
    }
    return (bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U;
}

#if defined(__CUDACC__)
__device__ inline float float_of_half(unsigned short bits) {
    float x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
    return x;
}
#endif

__device__ inline float warp_sum(float x) {
    for (int distance = 16; distance > 0; distance /= 2) {
        x = __fadd_rn(x, __shfl_xor_sync(kAllLanes, x, distance));
    }
    return x;
}

__device__ inline int warp_sum(int x) {
    for (int distance = 16; distance > 0; distance /= 2) {
        x += __shfl_xor_sync(kAllLanes, x, distance);
    }
    return x;
}

__device__ inline float warp_max(float x) {
    for (int distance = 16; distance > 0; distance /= 2) {
        x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, distance));
    }
    return x;
}

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800

__device__ inline void mma_bf16(float (&c)[4], const uint4& a, unsigned b0, unsigned b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
}

__device__ inline void mma_int8(int (&c)[4], const uint4& a, unsigned b0, unsigned b1) {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
}

#else

// Register 0 of a has row g, 1 row g + 8, of the first half of the columns; 2 and 3 of the second half. The registers
// of b have row g of the activations. Lane 4·g + t gets the products of rows g and g + 8 with rows 2·t and 2·t + 1.
template <typename C, typename Dot>
__device__ inline void mma_by_shuffles(C (&c)[4], const uint4& a, unsigned b0, unsigned b1, Dot dot) {
    const int lane = static_cast<int>(threadIdx.x % 32U);
    const int g = lane / 4;
    const int t = lane % 4;
    for (int source = 0; source < 8; source++) {
        const bool second = source >= 4;
        const int from = source % 4;
        const unsigned low = __shfl_sync(kAllLanes, second ? a.z : a.x, g * 4 + from);
        const unsigned high = __shfl_sync(kAllLanes, second ? a.w : a.y, g * 4 + from);
        const unsigned left = __shfl_sync(kAllLanes, second ? b1 : b0, t * 8 + from);
        const unsigned right = __shfl_sync(kAllLanes, second ? b1 : b0, t * 8 + 4 + from);
        c[0] = dot(low, left, c[0]);
        c[1] = dot(low, right, c[1]);
        c[2] = dot(high, left, c[2]);
        c[3] = dot(high, right, c[3]);
    }
}

struct DotBf16 {
    __device__ float operator()(unsigned a, unsigned b, float c) const {
        c = __fmaf_rn(from_bf16_bits(a & 0xffffU), from_bf16_bits(b & 0xffffU), c);
        return __fmaf_rn(from_bf16_bits(a >> 16U), from_bf16_bits(b >> 16U), c);
    }
};
struct DotInt8 {
    __device__ int operator()(unsigned a, unsigned b, int c) const {
        return __dp4a(static_cast<int>(a), static_cast<int>(b), c);
    }
};

#if !defined(INFERSTEP_OWN_MMA)
template <typename C, typename Dot>
__device__ inline void mma(C (&c)[4], const uint4& a, unsigned b0, unsigned b1, Dot dot) {
    mma_by_shuffles(c, a, b0, b1, dot);
}
#endif

__device__ inline void mma_bf16(float (&c)[4], const uint4& a, unsigned b0, unsigned b1) {
    mma(c, a, b0, b1, DotBf16{});
}

__device__ inline void mma_int8(int (&c)[4], const uint4& a, unsigned b0, unsigned b1) { mma(c, a, b0, b1, DotInt8{}); }

#endif

}  // namespace inferstep::llm::cuda
