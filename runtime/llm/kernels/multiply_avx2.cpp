// Products of panels with AVX2: two registers hold the same columns of a panel's 16 rows.
#include <immintrin.h>

#include "llm/kernels/multiply_tiles.hpp"

namespace inferstep::llm {
namespace {

constexpr std::ptrdiff_t kAhead = 4096;  // bytes that are asked for before they are needed

__m256i load(const std::byte* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
__m256 halves(const std::byte* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
__m256i four_bytes(const std::byte* p) {
    int x = 0;
    __builtin_memcpy(&x, p, sizeof x);
    return _mm256_set1_epi32(x);
}

// The numbers of odd and even columns of a pair of bfloat16.
__m256 high(__m256i pair) {
    return _mm256_castsi256_ps(_mm256_and_si256(pair, _mm256_set1_epi32(static_cast<int>(0xffff0000U))));
}
__m256 low(__m256i pair) { return _mm256_castsi256_ps(_mm256_slli_epi32(pair, 16)); }

template <int M>
void store(const Tile& tile, std::ptrdiff_t panel, const __m256 (&sums)[2][std::size_t{M}]) {
    const std::ptrdiff_t rows = tile.matrix_rows - panel * 16;
    for (std::ptrdiff_t m = 0; m < M; ++m) {
        float* y = tile.y + m * tile.stride + panel * 16;
        if (rows >= 16) {
            _mm256_storeu_ps(y, sums[0][m]);
            _mm256_storeu_ps(y + 8, sums[1][m]);
        } else {
            float room[16];
            _mm256_storeu_ps(room, sums[0][m]);
            _mm256_storeu_ps(room + 8, sums[1][m]);
            __builtin_memcpy(y, room, static_cast<std::size_t>(rows) * sizeof *y);
        }
    }
}

struct Bf16 {
    template <int P, int M>
    static void tile(const Tile& tile) {
        __m256 sums[std::size_t{P}][2][std::size_t{M}];
#pragma GCC unroll 2
        for (auto& panel : sums) {
#pragma GCC unroll 4
            for (std::ptrdiff_t m = 0; m < M; ++m) {
                panel[0][m] = _mm256_setzero_ps();
                panel[1][m] = _mm256_setzero_ps();
            }
        }
        const std::byte* panel = tile.panel;
        const std::byte* x = tile.x;
        const auto bytes = static_cast<std::ptrdiff_t>(tile.panel_bytes);
        for (int k = 0; k < tile.columns; k += 2, panel += 64, x += tile.group_rows * 4) {
#pragma GCC unroll 2
            for (std::ptrdiff_t p = 0; p < P; ++p) {
                const std::byte* own = panel + p * bytes;
                _mm_prefetch(reinterpret_cast<const char*>(own + kAhead), _MM_HINT_T0);
                const __m256i first = load(own);
                const __m256i second = load(own + 32);
#pragma GCC unroll 4
                for (std::ptrdiff_t m = 0; m < M; ++m) {
                    const __m256i numbers = four_bytes(x + m * 4);
                    const __m256 odd = high(numbers);
                    const __m256 even = low(numbers);
                    sums[p][0][m] = _mm256_fmadd_ps(high(first), odd, sums[p][0][m]);
                    sums[p][1][m] = _mm256_fmadd_ps(high(second), odd, sums[p][1][m]);
                    sums[p][0][m] = _mm256_fmadd_ps(low(first), even, sums[p][0][m]);
                    sums[p][1][m] = _mm256_fmadd_ps(low(second), even, sums[p][1][m]);
                }
            }
        }
#pragma GCC unroll 2
        for (std::ptrdiff_t p = 0; p < P; ++p) {
            store<M>(tile, p, sums[p]);
        }
    }
};

// Σ w · x over 32 columns of 8 rows, exact, for each row of x.
struct Int8 {
    static constexpr int kNumbers = 512;
    static constexpr bool kMinimum = false;

    // |w| · (x with w's sign): two products of at most 128 · 127 fit into 16 bits.
    template <int M>
    static void products(const std::byte* block, const std::byte* x, std::ptrdiff_t step, const std::int32_t*,
                         __m256i (&out)[std::size_t{M}]) {
        const __m256i bias = _mm256_set1_epi8(-128);
        const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 4
        for (std::ptrdiff_t m = 0; m < M; ++m) {
            out[m] = _mm256_setzero_si256();
        }
        for (std::ptrdiff_t q = 0; q < 8; ++q, block += 64, x += step) {
            const __m256i w = _mm256_xor_si256(load(block), bias);
            const __m256i size = _mm256_abs_epi8(w);
#pragma GCC unroll 4
            for (std::ptrdiff_t m = 0; m < M; ++m) {
                const __m256i pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(four_bytes(x + m * 4), w));
                out[m] = _mm256_add_epi32(out[m], _mm256_madd_epi16(pairs, ones));
            }
        }
    }
};

template <int kBias>
struct Nibbles {
    static constexpr int kNumbers = 256;
    static constexpr bool kMinimum = kBias == 0;

    // 16 products of at most 15 · 127 fit into 16 bits.
    template <int M>
    static void products(const std::byte* block, const std::byte* x, std::ptrdiff_t step, const std::int32_t* x_sums,
                         __m256i (&out)[std::size_t{M}]) {
        const __m256i mask = _mm256_set1_epi8(15);
        __m256i pairs[std::size_t{M}];
#pragma GCC unroll 4
        for (std::ptrdiff_t m = 0; m < M; ++m) {
            pairs[m] = _mm256_setzero_si256();
        }
        for (std::ptrdiff_t q = 0; q < 4; ++q, block += 64, x += 2 * step) {
            const __m256i both = load(block);
            const __m256i first = _mm256_and_si256(both, mask);
            const __m256i second = _mm256_and_si256(_mm256_srli_epi16(both, 4), mask);
#pragma GCC unroll 4
            for (std::ptrdiff_t m = 0; m < M; ++m) {
                pairs[m] = _mm256_add_epi16(pairs[m], _mm256_maddubs_epi16(first, four_bytes(x + m * 4)));
                pairs[m] = _mm256_add_epi16(pairs[m], _mm256_maddubs_epi16(second, four_bytes(x + step + m * 4)));
            }
        }
#pragma GCC unroll 4
        for (std::ptrdiff_t m = 0; m < M; ++m) {
            out[m] = _mm256_add_epi32(_mm256_madd_epi16(pairs[m], _mm256_set1_epi16(1)),
                                      _mm256_set1_epi32(kBias == 0 ? 0 : x_sums[m]));
        }
    }
};

template <typename F>
struct Integers {
    static constexpr int kBlock = F::kNumbers + (F::kMinimum ? 64 : 32);

    template <int P, int M>
    static void tile(const Tile& tile) {
        static_assert(P == 1);
        __m256 sums[2][std::size_t{M}];
#pragma GCC unroll 4
        for (std::ptrdiff_t m = 0; m < M; ++m) {
            sums[0][m] = _mm256_setzero_ps();
            sums[1][m] = _mm256_setzero_ps();
        }
        const std::byte* block = tile.panel;
        const std::byte* x = tile.x;
        const float* scales = tile.scales;
        const std::int32_t* x_sums = tile.sums;
        for (int k = 0; k < tile.columns; k += 32) {
            for (std::ptrdiff_t i = 0; i < kBlock; i += 64) {
                _mm_prefetch(reinterpret_cast<const char*>(block + kAhead + i), _MM_HINT_T0);
            }
#pragma GCC unroll 2
            for (std::ptrdiff_t half = 0; half < 2; ++half) {
                __m256i whole[std::size_t{M}];
                F::template products<M>(block + half * 32, x, tile.group_rows * 4, x_sums, whole);
                const __m256 scale = halves(block + F::kNumbers + half * 16);
#pragma GCC unroll 4
                for (std::ptrdiff_t m = 0; m < M; ++m) {
                    const __m256 both = _mm256_mul_ps(scale, _mm256_set1_ps(scales[m]));
                    sums[half][m] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(whole[m]), both, sums[half][m]);
                    if constexpr (F::kMinimum) {
                        const __m256 sum = _mm256_set1_ps(scales[m] * static_cast<float>(x_sums[m]));
                        const __m256 minimum = halves(block + F::kNumbers + 32 + half * 16);
                        sums[half][m] = _mm256_fmadd_ps(minimum, sum, sums[half][m]);
                    }
                }
            }
            block += kBlock;
            x += tile.group_rows * 32;
            scales += tile.group_rows;
            x_sums += tile.group_rows;
        }
        store<M>(tile, 0, sums);
    }
};

void multiply_bf16(const PanelWork& work, int first, int last) {
    if (work.x.rows <= 2) {  // two panels: the sums of one would wait for each other
        first = multiply_panels<Bf16, 2, 2>(work, first, last);
    }
    multiply_panels<Bf16, 1, 4>(work, first, last);
}

template <typename F>
void multiply_integers(const PanelWork& work, int first, int last) {
    multiply_panels<Integers<F>, 1, 4>(work, first, last);
}

}  // namespace

const MultiplyPanels avx2_multiply[4] = {multiply_bf16, multiply_integers<Int8>, multiply_integers<Nibbles<8>>,
                                         multiply_integers<Nibbles<0>>};

}  // namespace inferstep::llm
