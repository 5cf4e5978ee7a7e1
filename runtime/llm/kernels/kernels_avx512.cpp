// Kernels for CPUs with AVX-512, its VNNI and its bfloat16. Nothing of other headers may be instantiated here that is
// not of this file alone: the linker would take it for everybody's.
#include <immintrin.h>

#include "llm/kernels/attend_kernel.hpp"
#include "llm/kernels/kernels.hpp"
#include "llm/kernels/vector_kernels.hpp"

namespace inferstep::llm {
namespace {

struct Lanes {
    static constexpr int kLanes = 16;
    __m512 v;

    static __mmask16 low(int n) { return static_cast<__mmask16>((1U << static_cast<unsigned>(n)) - 1U); }
    static Lanes widen(__m256i halves) {
        return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16))};
    }

    static Lanes zero() { return {_mm512_setzero_ps()}; }
    static Lanes all(float x) { return {_mm512_set1_ps(x)}; }
    static Lanes load(const float* p) { return {_mm512_loadu_ps(p)}; }
    static Lanes load_part(const float* p, int n) { return {_mm512_maskz_loadu_ps(low(n), p)}; }
    static Lanes load_bf16(const std::uint16_t* p) {
        return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    }
    static Lanes load_bf16_part(const std::uint16_t* p, int n) { return widen(_mm256_maskz_loadu_epi16(low(n), p)); }
    void store(float* p) const { _mm512_storeu_ps(p, v); }
    void store_part(float* p, int n) const { _mm512_mask_storeu_ps(p, low(n), v); }

    friend Lanes operator+(Lanes a, Lanes b) { return {_mm512_add_ps(a.v, b.v)}; }
    friend Lanes operator-(Lanes a, Lanes b) { return {_mm512_sub_ps(a.v, b.v)}; }
    friend Lanes operator*(Lanes a, Lanes b) { return {_mm512_mul_ps(a.v, b.v)}; }
    friend Lanes operator/(Lanes a, Lanes b) { return {_mm512_div_ps(a.v, b.v)}; }
    static Lanes fma(Lanes a, Lanes b, Lanes c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
    static Lanes min(Lanes a, Lanes b) { return {_mm512_min_ps(a.v, b.v)}; }
    static Lanes max(Lanes a, Lanes b) { return {_mm512_max_ps(a.v, b.v)}; }
    static Lanes power(Lanes r) {
        const __m512i shifted = _mm512_slli_epi32(_mm512_castps_si512(r.v), 23);
        return {_mm512_castsi512_ps(_mm512_add_epi32(shifted, _mm512_set1_epi32(0x3f800000)))};
    }
    Lanes first(int n) const { return {_mm512_maskz_mov_ps(low(n), v)}; }
    float sum() const { return _mm512_reduce_add_ps(v); }
    float highest() const { return _mm512_reduce_max_ps(v); }
};

// Half a block: 16 numbers as int8.
__m128i to_int8(__m512 x, __m512 inverse) {
    return _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(x, inverse)));
}

void quantize(const float* x, int n, std::int8_t* out, float* scales, std::int32_t* sums) {
    for (int first = 0; first < n; first += 32, out += 32) {
        const int left = n - first;
        const __m512 a = left >= 16 ? _mm512_loadu_ps(x + first) : Lanes::load_part(x + first, left).v;
        const __m512 b = left >= 32   ? _mm512_loadu_ps(x + first + 16)
                         : left <= 16 ? _mm512_setzero_ps()
                                      : Lanes::load_part(x + first + 16, left - 16).v;
        const float most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
        const __m512 inverse = _mm512_set1_ps(most > 0 ? 127.0F / most : 0.0F);
        const __m128i low = to_int8(a, inverse);
        const __m128i high = to_int8(b, inverse);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out), low);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 16), high);
        *scales++ = most * (1.0F / 127.0F);
        *sums++ = _mm512_reduce_add_epi32(_mm512_add_epi32(_mm512_cvtepi8_epi32(low), _mm512_cvtepi8_epi32(high)));
    }
}

// Rounded by the same rule as to_bf16() of one number: vcvtneps2bf16 takes denormal numbers for zero, and is not used.
__m256i narrow(__m512 x) {
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_mask_mov_epi32(rounded, nan, quiet), 16));
}

void to_bf16_row(const float* x, std::uint16_t* out, int n) {
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), narrow(_mm512_loadu_ps(x + i)));
    }
    if (i < n) {
        _mm256_mask_storeu_epi16(out + i, Lanes::low(n - i), narrow(Lanes::load_part(x + i, n - i).v));
    }
}

}  // namespace

const Kernels avx512_kernels = {
    avx512_multiply,        quantize,        to_bf16_row,           rms_norm_with<Lanes>, rotate_with<Lanes>,
    silu_times_with<Lanes>, add_with<Lanes>, attend_with<Lanes, 4>, sum_with<Lanes>,
};

}  // namespace inferstep::llm
