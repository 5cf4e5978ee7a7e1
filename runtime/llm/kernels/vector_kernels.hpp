// The vector functions of kernels.hpp, written once over a register type V. Included by the file of each ISA, whose V
// is in an unnamed namespace: no two files share an instance.
//
// V has kLanes floats: zero, all(x), load, load_part(p, n) (zeros beyond n), store, store_part, load_bf16,
// load_bf16_part, + - *, fma(a, b, c) = a · b + c, min, max, sum(), highest(), first(n) (zeros beyond n) and
// power(r): 2 to the whole number in the low bits of r.
#pragma once

#include <cstddef>
#include <cstdint>

namespace inferstep::llm {

// e to the power of each lane: x = n · ln 2 + f, |f| <= 0.35, and a polynomial of f. Between e^-87 and e^88.
template <typename V>
V exp_of(V x) {
    const V magic = V::all(12582912.0F);  // 1.5 · 2^23: adding it rounds to a whole number
    x = V::min(V::all(88.0F), V::max(V::all(-87.0F), x));
    const V rounded = V::fma(x, V::all(1.44269504F), magic);
    const V n = rounded - magic;
    V f = V::fma(n, V::all(-0.693359375F), x);
    f = V::fma(n, V::all(2.12194440e-4F), f);
    V p = V::all(1.0F / 5040);
    p = V::fma(p, f, V::all(1.0F / 720));
    p = V::fma(p, f, V::all(1.0F / 120));
    p = V::fma(p, f, V::all(1.0F / 24));
    p = V::fma(p, f, V::all(1.0F / 6));
    p = V::fma(p, f, V::all(0.5F));
    p = V::fma(p, f, V::all(1.0F));
    p = V::fma(p, f, V::all(1.0F));
    return p * V::power(rounded);
}

template <typename V>
void rms_norm_with(const float* x, const float* weight, int n, float eps, float* out) {
    constexpr int kStep = V::kLanes;
    V sums[4] = {V::zero(), V::zero(), V::zero(), V::zero()};
    int i = 0;
    for (; i + 4 * kStep <= n; i += 4 * kStep) {
        for (std::ptrdiff_t j = 0; j < 4; ++j) {
            const V value = V::load(x + i + j * kStep);
            sums[j] = V::fma(value, value, sums[j]);
        }
    }
    for (; i < n; i += kStep) {
        const V value = i + kStep <= n ? V::load(x + i) : V::load_part(x + i, n - i);
        sums[0] = V::fma(value, value, sums[0]);
    }
    const float square = ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum();
    const V scale = V::all(1.0F / __builtin_sqrtf(square / static_cast<float>(n) + eps));
    for (i = 0; i + kStep <= n; i += kStep) {
        (V::load(x + i) * scale * V::load(weight + i)).store(out + i);
    }
    if (i < n) {
        (V::load_part(x + i, n - i) * scale * V::load_part(weight + i, n - i)).store_part(out + i, n - i);
    }
}

template <typename V>
void rotate_with(float* heads, int count, int head_dim, const float* table) {
    const int half = head_dim / 2;
    for (int h = 0; h < count; ++h) {
        float* a = heads + static_cast<std::ptrdiff_t>(h) * head_dim;
        float* b = a + half;
        for (int i = 0; i < half; i += V::kLanes) {
            const int n = half - i < V::kLanes ? half - i : V::kLanes;
            const V cosine = V::load_part(table + i, n);
            const V sine = V::load_part(table + half + i, n);
            const V first = V::load_part(a + i, n);
            const V second = V::load_part(b + i, n);
            (first * cosine - second * sine).store_part(a + i, n);
            (second * cosine + first * sine).store_part(b + i, n);
        }
    }
}

template <typename V>
V silu_of(V gate, V up) {
    const V one = V::all(1.0F);
    return gate / (one + exp_of(V::zero() - gate)) * up;
}

template <typename V>
void silu_times_with(float* gate, const float* up, int n) {
    int i = 0;
    for (; i + V::kLanes <= n; i += V::kLanes) {
        silu_of(V::load(gate + i), V::load(up + i)).store(gate + i);
    }
    if (i < n) {
        silu_of(V::load_part(gate + i, n - i), V::load_part(up + i, n - i)).store_part(gate + i, n - i);
    }
}

template <typename V>
void add_with(float* x, const float* y, int n) {
    int i = 0;
    for (; i + V::kLanes <= n; i += V::kLanes) {
        (V::load(x + i) + V::load(y + i)).store(x + i);
    }
    if (i < n) {
        (V::load_part(x + i, n - i) + V::load_part(y + i, n - i)).store_part(x + i, n - i);
    }
}

template <typename V>
float sum_with(const float* x, std::size_t n) {
    V sums[8] = {V::zero(), V::zero(), V::zero(), V::zero(), V::zero(), V::zero(), V::zero(), V::zero()};
    for (std::size_t i = 0; i < n; i += 8 * V::kLanes) {
        for (std::size_t j = 0; j < 8; ++j) {
            sums[j] = sums[j] + V::load(x + i + j * V::kLanes);
        }
    }
    return (((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))).sum();
}

}  // namespace inferstep::llm
