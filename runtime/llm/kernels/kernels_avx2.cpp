// Kernels for CPUs with AVX2, FMA and half-precision conversions. Nothing of other headers may be instantiated here
// that is not of this file alone: the linker would take it for everybody's.
#include <immintrin.h>

#include "llm/kernels/attend_kernel.hpp"
#include "llm/kernels/kernels.hpp"
#include "llm/kernels/vector_kernels.hpp"

namespace inferstep::llm {
namespace {

struct Lanes {
    static constexpr int kLanes = 8;
    __m256 v;

    static __m256i low(int n) {
        return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    }
    static Lanes widen(__m128i halves) {
        return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16))};
    }

    static Lanes zero() { return {_mm256_setzero_ps()}; }
    static Lanes all(float x) { return {_mm256_set1_ps(x)}; }
    static Lanes load(const float* p) { return {_mm256_loadu_ps(p)}; }
    static Lanes load_part(const float* p, int n) { return {_mm256_maskload_ps(p, low(n))}; }
    static Lanes load_bf16(const std::uint16_t* p) {
        return widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    }
    static Lanes load_bf16_part(const std::uint16_t* p, int n) {
        if (n == kLanes) {
            return load_bf16(p);
        }
        if (n == 4) {  // what is left of 100
            return widen(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
        }
        std::uint16_t room[kLanes] = {};
        __builtin_memcpy(room, p, static_cast<std::size_t>(n) * sizeof *p);
        return load_bf16(room);
    }
    void store(float* p) const { _mm256_storeu_ps(p, v); }
    void store_part(float* p, int n) const { _mm256_maskstore_ps(p, low(n), v); }

    friend Lanes operator+(Lanes a, Lanes b) { return {_mm256_add_ps(a.v, b.v)}; }
    friend Lanes operator-(Lanes a, Lanes b) { return {_mm256_sub_ps(a.v, b.v)}; }
    friend Lanes operator*(Lanes a, Lanes b) { return {_mm256_mul_ps(a.v, b.v)}; }
    friend Lanes operator/(Lanes a, Lanes b) { return {_mm256_div_ps(a.v, b.v)}; }
    static Lanes fma(Lanes a, Lanes b, Lanes c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
    static Lanes min(Lanes a, Lanes b) { return {_mm256_min_ps(a.v, b.v)}; }
    static Lanes max(Lanes a, Lanes b) { return {_mm256_max_ps(a.v, b.v)}; }
    static Lanes power(Lanes r) {
        const __m256i shifted = _mm256_slli_epi32(_mm256_castps_si256(r.v), 23);
        return {_mm256_castsi256_ps(_mm256_add_epi32(shifted, _mm256_set1_epi32(0x3f800000)))};
    }
    Lanes first(int n) const { return {_mm256_and_ps(v, _mm256_castsi256_ps(low(n)))}; }
    float sum() const {
        __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
        half = _mm_add_ps(half, _mm_movehl_ps(half, half));
        return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
    }
    float highest() const {
        __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
        half = _mm_max_ps(half, _mm_movehl_ps(half, half));
        return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
    }
};

Lanes magnitude(Lanes x) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0F), x.v)}; }

// The low bytes of 8 whole numbers.
__m128i low_bytes(__m256i x) {
    const __m256i picked =
        _mm256_shuffle_epi8(x, _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8,
                                                12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
    return _mm_unpacklo_epi32(_mm256_castsi256_si128(picked), _mm256_extracti128_si256(picked, 1));
}

std::int32_t sum_of(__m256i x) {
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
}

void quantize(const float* x, int n, std::int8_t* out, float* scales, std::int32_t* sums) {
    for (int first = 0; first < n; first += 32, out += 32) {
        Lanes part[4];
        Lanes top = Lanes::zero();
        for (std::ptrdiff_t i = 0; i < 4; ++i) {
            const std::ptrdiff_t at = first + i * 8;
            part[i] = at + 8 <= n ? Lanes::load(x + at)
                      : at < n    ? Lanes::load_part(x + at, static_cast<int>(n - at))
                                  : Lanes::zero();
            top = Lanes::max(top, magnitude(part[i]));
        }
        const float most = top.highest();
        const Lanes inverse = Lanes::all(most > 0 ? 127.0F / most : 0.0F);
        __m256i sum = _mm256_setzero_si256();
        for (std::ptrdiff_t i = 0; i < 4; ++i) {
            const __m256i whole = _mm256_cvtps_epi32((part[i] * inverse).v);
            sum = _mm256_add_epi32(sum, whole);
            _mm_storel_epi64(reinterpret_cast<__m128i*>(out + i * 8), low_bytes(whole));
        }
        *scales++ = most * (1.0F / 127.0F);
        *sums++ = sum_of(sum);
    }
}

__m128i narrow(__m256 x) {
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    const __m256i high = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
    return _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
}

void to_bf16_row(const float* x, std::uint16_t* out, int n) {
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), narrow(_mm256_loadu_ps(x + i)));
    }
    if (i < n) {
        std::uint16_t room[8];
        _mm_storeu_si128(reinterpret_cast<__m128i*>(room), narrow(Lanes::load_part(x + i, n - i).v));
        __builtin_memcpy(out + i, room, static_cast<std::size_t>(n - i) * sizeof *out);
    }
}

}  // namespace

const Kernels avx2_kernels = {
    avx2_multiply,          quantize,        to_bf16_row,           rms_norm_with<Lanes>, rotate_with<Lanes>,
    silu_times_with<Lanes>, add_with<Lanes>, attend_with<Lanes, 2>, sum_with<Lanes>,
};

}  // namespace inferstep::llm
