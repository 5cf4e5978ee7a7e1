// A GPU on the host, for tests: what the kernels use of CUDA's language, so that a C++ compiler takes them, and blocks
// whose threads run in turn as fibers. Slow, and honest about order: a barrier or a shuffle waits for all that take
// part. Include it before a kernel's header. One kernel at a time, in one thread of the host.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>

#include "llm/kernels/half.hpp"

#define __global__ inline
#define __device__
#define __shared__ static
#define __launch_bounds__(threads)

struct uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct float2 {
    float x, y;
};
struct EmulatedIndex {
    unsigned x = 0, y = 0, z = 0;
};
extern EmulatedIndex threadIdx;
extern EmulatedIndex blockIdx;

namespace inferstep::test {

// Runs the kernel for every block of the grid, its threads (whole warps) side by side.
void emulate(int grid_x, int grid_y, int threads, const std::function<void()>& kernel);

// Of the calling thread: waits for all threads of its block.
void wait_for_block();
// Gives `bytes` (at most 32) to the other lanes of the warp and waits for theirs: what lane 0 gave; the others' follow
// at distances of 32. Valid until the warp's next exchange but one.
const unsigned char* exchange(const void* mine, std::size_t bytes);

template <typename T>
T of_lane(const unsigned char* given, int lane) {
    T value;
    std::memcpy(&value, given + static_cast<std::ptrdiff_t>(lane) * 32, sizeof value);
    return value;
}

}  // namespace inferstep::test

inline void __syncthreads() { inferstep::test::wait_for_block(); }

template <typename T>
T __shfl_sync(unsigned /*mask*/, T value, int lane) {
    return inferstep::test::of_lane<T>(inferstep::test::exchange(&value, sizeof value), lane & 31);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int distance) {
    return __shfl_sync(mask, value, static_cast<int>(threadIdx.x % 32U) ^ distance);
}
template <typename T>
T __ldcs(const T* from) {
    return *from;
}
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __uint_as_float(unsigned bits) { return inferstep::llm::float_of(bits); }
inline unsigned __float_as_uint(float x) { return inferstep::llm::bits_of(x); }
inline int __dp4a(int a, int b, int c) {
    for (unsigned i = 0; i < 4; i++) {
        const auto byte = [i](int word) {
            return static_cast<int>(static_cast<std::int8_t>(static_cast<unsigned>(word) >> (8 * i)));
        };
        c += byte(a) * byte(b);
    }
    return c;
}

namespace inferstep::llm::cuda {
inline float float_of_half(unsigned short bits) { return from_half(bits); }
}  // namespace inferstep::llm::cuda
