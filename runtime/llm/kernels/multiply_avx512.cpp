// Products of panels with AVX-512: one register holds the same columns of a panel's 16 rows.
#include <immintrin.h>

#include "llm/kernels/multiply_tiles.hpp"

namespace inferstep::llm {
namespace {

constexpr std::ptrdiff_t kAhead = 4096;  // bytes of each stream that are asked for before they are needed

__m512i load(const std::byte* p) { return _mm512_loadu_si512(p); }
__m512 halves(const std::byte* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
__m512i four_bytes(const std::byte* p) {
    int x = 0;
    __builtin_memcpy(&x, p, sizeof x);
    return _mm512_set1_epi32(x);
}

void fetch(const std::byte* p, int bytes) {
    for (std::ptrdiff_t i = 0; i < bytes; i += 64) {
        _mm_prefetch(reinterpret_cast<const char*>(p + i), _MM_HINT_T0);
    }
}

template <int P, int M>
void clear(__m512 (&sums)[std::size_t{P}][std::size_t{M}]) {
#pragma GCC unroll 16
    for (std::ptrdiff_t p = 0; p < P; ++p) {
#pragma GCC unroll 16
        for (std::ptrdiff_t m = 0; m < M; ++m) {
            sums[p][m] = _mm512_setzero_ps();
        }
    }
}

template <int P, int M>
void store(const Tile& tile, const __m512 (&sums)[std::size_t{P}][std::size_t{M}]) {
#pragma GCC unroll 16
    for (std::ptrdiff_t p = 0; p < P; ++p) {
        const std::ptrdiff_t left = tile.matrix_rows - p * 16;
        const auto mask = static_cast<__mmask16>(left >= 16 ? 0xffffU : (1U << static_cast<unsigned>(left)) - 1U);
#pragma GCC unroll 16
        for (std::ptrdiff_t m = 0; m < M; ++m) {
            _mm512_mask_storeu_ps(tile.y + m * tile.stride + p * 16, mask, sums[p][m]);
        }
    }
}

struct Bf16 {
    template <int P, int M>
    static void tile(const Tile& tile) {
        __m512 sums[std::size_t{P}][std::size_t{M}];
        clear<P, M>(sums);
        const std::byte* panel = tile.panel;
        const std::byte* x = tile.x;
        const std::ptrdiff_t step = tile.group_rows * 4;
        const auto bytes = static_cast<std::ptrdiff_t>(tile.panel_bytes);
        for (int k = 0; k < tile.columns; k += 2, panel += 64, x += step) {
            __m512i w[std::size_t{P}];
#pragma GCC unroll 16
            for (std::ptrdiff_t p = 0; p < P; ++p) {
                w[p] = load(panel + p * bytes);
                fetch(panel + p * bytes + kAhead, 64);
            }
#pragma GCC unroll 16
            for (std::ptrdiff_t m = 0; m < M; ++m) {
                const auto numbers = reinterpret_cast<__m512bh>(four_bytes(x + m * 4));
#pragma GCC unroll 16
                for (std::ptrdiff_t p = 0; p < P; ++p) {
                    sums[p][m] = _mm512_dpbf16_ps(sums[p][m], reinterpret_cast<__m512bh>(w[p]), numbers);
                }
            }
        }
        store<P, M>(tile, sums);
    }
};

struct Int8 {
    static constexpr int kNumbers = 512;
    static constexpr bool kMinimum = false;
};
struct Int4 {
    static constexpr int kNumbers = 256;
    static constexpr bool kMinimum = false;
};
struct Int4Min {
    static constexpr int kNumbers = 256;
    static constexpr bool kMinimum = true;
};

template <typename F>
struct Integers {
    static constexpr int kBlock = F::kNumbers + (F::kMinimum ? 64 : 32);

    // Adds the whole numbers of one block, Σ w · x, exactly; few sums in two chains each, for their latency.
    template <int P, int M>
    static void products(const Tile& tile, const std::byte* block, const std::byte* x,
                         __m512i (&out)[std::size_t{P}][std::size_t{M}]) {
        const std::ptrdiff_t step = tile.group_rows * 4;
        const auto bytes = static_cast<std::ptrdiff_t>(tile.panel_bytes);
        const __m512i low = _mm512_set1_epi8(15);
        constexpr bool kTwo = P * M <= 4;
        __m512i second[std::size_t{P}][std::size_t{M}];
#pragma GCC unroll 8
        for (std::ptrdiff_t q = 0; q < 8; ++q, x += step) {
            __m512i w[std::size_t{P}];
#pragma GCC unroll 4
            for (std::ptrdiff_t p = 0; p < P; ++p) {
                if constexpr (F::kNumbers == 512) {
                    w[p] = load(block + p * bytes + q * 64);
                } else {
                    const __m512i pair = load(block + p * bytes + q / 2 * 64);
                    w[p] = _mm512_and_si512(q % 2 == 0 ? pair : _mm512_srli_epi16(pair, 4), low);
                }
            }
#pragma GCC unroll 16
            for (std::ptrdiff_t m = 0; m < M; ++m) {
                const __m512i numbers = four_bytes(x + m * 4);
#pragma GCC unroll 4
                for (std::ptrdiff_t p = 0; p < P; ++p) {
                    if (!kTwo || q % 2 == 0) {
                        out[p][m] = _mm512_dpbusd_epi32(out[p][m], w[p], numbers);
                    } else {
                        second[p][m] =
                            _mm512_dpbusd_epi32(q == 1 ? _mm512_setzero_si512() : second[p][m], w[p], numbers);
                    }
                }
            }
        }
#pragma GCC unroll 4
        for (std::ptrdiff_t p = 0; kTwo && p < P; ++p) {
#pragma GCC unroll 16
            for (std::ptrdiff_t m = 0; m < M; ++m) {
                out[p][m] = _mm512_add_epi32(out[p][m], second[p][m]);
            }
        }
    }

    template <int P, int M>
    static void tile(const Tile& tile) {
        __m512 sums[std::size_t{P}][std::size_t{M}];
        clear<P, M>(sums);
        const std::byte* block = tile.panel;
        const std::byte* x = tile.x;
        const float* scales = tile.scales;
        const std::int32_t* x_sums = tile.sums;
        const auto bytes = static_cast<std::ptrdiff_t>(tile.panel_bytes);
        for (int k = 0; k < tile.columns; k += 32) {
            __m512i whole[std::size_t{P}][std::size_t{M}];
#pragma GCC unroll 16
            for (std::ptrdiff_t m = 0; m < M; ++m) {
                const __m512i start = F::kMinimum ? _mm512_setzero_si512() : _mm512_set1_epi32(x_sums[m]);
#pragma GCC unroll 4
                for (std::ptrdiff_t p = 0; p < P; ++p) {
                    whole[p][m] = start;
                }
            }
            products<P, M>(tile, block, x, whole);
#pragma GCC unroll 4
            for (std::ptrdiff_t p = 0; p < P; ++p) {
                const std::byte* own = block + p * bytes;
                fetch(own + kAhead, kBlock);
                const __m512 scale = halves(own + F::kNumbers);
#pragma GCC unroll 16
                for (std::ptrdiff_t m = 0; m < M; ++m) {
                    const __m512 both = _mm512_mul_ps(scale, _mm512_set1_ps(scales[m]));
                    sums[p][m] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole[p][m]), both, sums[p][m]);
                    if constexpr (F::kMinimum) {
                        const __m512 sum = _mm512_set1_ps(scales[m] * static_cast<float>(x_sums[m]));
                        sums[p][m] = _mm512_fmadd_ps(halves(own + F::kNumbers + 32), sum, sums[p][m]);
                    }
                }
            }
            block += kBlock;
            x += tile.group_rows * 32;
            scales += tile.group_rows;
            x_sums += tile.group_rows;
        }
        store<P, M>(tile, sums);
    }
};

void multiply_bf16(const PanelWork& work, int first, int last) {
    if (work.x.rows <= 6) {
        first = multiply_panels<Bf16, 4, 6>(work, first, last);
    }
    first = multiply_panels<Bf16, 2, 12>(work, first, last);
    multiply_panels<Bf16, 1, 12>(work, first, last);
}

template <typename F>
void multiply_integers(const PanelWork& work, int first, int last) {
    if (work.x.rows > 4) {  // fewer are bound by memory, which likes one stream better than two
        first = multiply_panels<Integers<F>, 2, 6>(work, first, last);
    }
    multiply_panels<Integers<F>, 1, 6>(work, first, last);
}

}  // namespace

const MultiplyPanels avx512_multiply[4] = {multiply_bf16, multiply_integers<Int8>, multiply_integers<Int4>,
                                           multiply_integers<Int4Min>};

}  // namespace inferstep::llm
