// Queries of one head against its keys and values, over a register type V as vector_kernels.hpp has it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "llm/kernels/kernels.hpp"
#include "llm/kernels/vector_kernels.hpp"

namespace inferstep::llm {

// The products of R queries with N keys that follow each other; each is summed as if it were alone.
template <typename V, int R, int N>
void score_keys(const Queries& queries, const std::uint16_t* keys, std::ptrdiff_t stride, int head_dim, float scale,
                int at) {
    V sums[std::size_t{R}][std::size_t{N}];
    for (auto& row : sums) {
        for (V& sum : row) {
            sum = V::zero();
        }
    }
    const auto add = [&](int d, auto&& load_query, auto&& load_key) {
        V key[std::size_t{N}];
#pragma GCC unroll 8
        for (int j = 0; j < N; ++j) {
            key[j] = load_key(keys + j * stride + d);
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            const V q = load_query(queries.first + r * queries.step + d);
#pragma GCC unroll 8
            for (int j = 0; j < N; ++j) {
                sums[r][j] = V::fma(q, key[j], sums[r][j]);
            }
        }
    };
    int d = 0;
    for (; d + V::kLanes <= head_dim; d += V::kLanes) {
        add(
            d, [](const float* p) { return V::load(p); }, [](const std::uint16_t* p) { return V::load_bf16(p); });
    }
    if (const int rest = head_dim - d; rest > 0) {
        add(
            d, [rest](const float* p) { return V::load_part(p, rest); },
            [rest](const std::uint16_t* p) { return V::load_bf16_part(p, rest); });
    }
    for (int r = 0; r < R; ++r) {
        for (int j = 0; j < N; ++j) {
            queries.scores[r * queries.score_step + at + j] = sums[r][j].sum() * scale;
        }
    }
}

// scores = e^(scores - their maximum); returns their sum.
template <typename V>
float soften(float* scores, int count) {
    V top = V::all(scores[0]);
    int i = 0;
    for (; i + V::kLanes <= count; i += V::kLanes) {
        top = V::max(top, V::load(scores + i));
    }
    float highest = top.highest();
    for (; i < count; ++i) {
        highest = scores[i] > highest ? scores[i] : highest;
    }
    const V shift = V::all(highest);
    V sum = V::zero();
    for (i = 0; i < count; i += V::kLanes) {
        const int n = count - i < V::kLanes ? count - i : V::kLanes;
        const V weight = exp_of(V::load_part(scores + i, n) - shift).first(n);
        weight.store_part(scores + i, n);
        sum = sum + weight;
    }
    return sum.sum();
}

// out = Σ scores · values / total, for R queries, and N registers of each value, of which the last may be a part.
template <typename V, int R, int N>
void mix_values(const Queries& queries, const std::uint16_t* values, int count, std::ptrdiff_t stride, int dims,
                const float* shares, int offset) {
    constexpr int kFull = N - 1;
    const int rest = dims - kFull * V::kLanes;
    V sums[std::size_t{R}][std::size_t{N}];
    for (auto& row : sums) {
        for (V& sum : row) {
            sum = V::zero();
        }
    }
    const auto add = [&](int i, int first) {  // for the queries from `first` on
        const std::uint16_t* value = values + i * stride + offset;
        V numbers[std::size_t{N}];
#pragma GCC unroll 8
        for (int j = 0; j < kFull; ++j) {
            numbers[j] = V::load_bf16(value + j * V::kLanes);
        }
        numbers[kFull] = V::load_bf16_part(value + kFull * V::kLanes, rest);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            if (r < first) {
                continue;
            }
            const V weight = V::all(queries.scores[r * queries.score_step + i]);
#pragma GCC unroll 8
            for (int j = 0; j < N; ++j) {
                sums[r][j] = V::fma(weight, numbers[j], sums[r][j]);
            }
        }
    };
    const int common = count - R + 1;
    for (int i = 0; i < common; ++i) {
        add(i, 0);
    }
    for (int i = common; i < count; ++i) {
        add(i, i - common + 1);
    }
    for (int r = 0; r < R; ++r) {
        float* out = queries.out + r * queries.out_step + offset;
        const V share = V::all(shares[r]);
        for (int j = 0; j < kFull; ++j) {
            (sums[r][j] * share).store(out + j * V::kLanes);
        }
        (sums[r][kFull] * share).store_part(out + kFull * V::kLanes, rest);
    }
}

template <typename V, int R, int N>
void mix_some(const Queries& queries, const std::uint16_t* values, int count, std::ptrdiff_t stride, int dims,
              const float* shares, int offset) {
    if constexpr (N > 1) {
        if (dims <= (N - 1) * V::kLanes) {
            return mix_some<V, R, N - 1>(queries, values, count, stride, dims, shares, offset);
        }
    }
    mix_values<V, R, N>(queries, values, count, stride, dims, shares, offset);
}

// R queries at a time; N registers of a value at most.
template <typename V, int R, int N>
void attend_together(const Queries& queries, const std::uint16_t* keys, const std::uint16_t* values, int count,
                     std::ptrdiff_t stride, int head_dim) {
    const float scale = 1.0F / __builtin_sqrtf(static_cast<float>(head_dim));
    int i = 0;
    for (; i + 4 <= count; i += 4) {  // what a query does not see is scored with the rest and not used
        score_keys<V, R, 4>(queries, keys + i * stride, stride, head_dim, scale, i);
    }
    for (; i < count; ++i) {
        score_keys<V, R, 1>(queries, keys + i * stride, stride, head_dim, scale, i);
    }
    float shares[std::size_t{R}];
    for (int r = 0; r < R; ++r) {
        shares[r] = 1.0F / soften<V>(queries.scores + r * queries.score_step, count - R + 1 + r);
    }
    constexpr int kMost = N * V::kLanes;
    for (int d = 0; d < head_dim; d += kMost) {
        const int dims = head_dim - d < kMost ? head_dim - d : kMost;
        mix_some<V, R, N>(queries, values, count, stride, dims, shares, d);
    }
}

// `rows` queries, of which the last sees `count` keys: kRows at a time while there are so many.
template <typename V, int kRows>
void attend_with(Queries queries, int rows, const std::uint16_t* keys, const std::uint16_t* values, int count,
                 std::ptrdiff_t stride, int head_dim) {
    const auto advance = [&](int done) {
        rows -= done;
        queries.first += done * queries.step;
        queries.out += done * queries.out_step;
    };
    for (int left = kRows > 1 ? rows / kRows : 0; left > 0; --left) {
        attend_together<V, kRows, 7>(queries, keys, values, count - rows + kRows, stride, head_dim);
        advance(kRows);
    }
    for (int left = rows; left > 0; --left) {
        attend_together<V, 1, 8>(queries, keys, values, count - rows + 1, stride, head_dim);
        advance(1);
    }
}

}  // namespace inferstep::llm
