// The kernels as functions: each puts its work on a stream and returns. Errors show in cudaGetLastError().
#pragma once

#include "llm/cuda/engine.hpp"

using cudaStream_t = struct CUstream_st*;

namespace inferstep::llm::cuda {

struct Weights {
    int rows = 0;
    int columns = 0;
    Kind kind = Kind::kBf16;
    const unsigned char* numbers = nullptr;
    const unsigned short* scales = nullptr;
    const unsigned short* minima = nullptr;
};

// Rows of x as a product takes them. Whole tiles: rows beyond the batch hold anything finite.
struct PackedRows {
    unsigned char* numbers = nullptr;
    float* scales = nullptr;
    float* sums = nullptr;
};

enum class Source : int { kPlain, kNorm, kGated };

struct PackWork {
    const float* x = nullptr;  // kGated: gate, and `columns` further the other factor
    int stride = 0;
    int columns = 0;
    const int* pick = nullptr;      // rows of x to take; none: all in order
    const float* weight = nullptr;  // kNorm
    float eps = 0;
};

struct CacheShape {
    int heads = 0;
    int kv_heads = 0;
    int head_dim = 0;
    int context = 0;
};

// The embedding of each row's token.
void launch_embed(cudaStream_t stream, const Weights& w, const Row* rows, int count, float* x);
// Rows of x in the form for a matrix of `kind`.
void launch_pack(cudaStream_t stream, Source source, Kind kind, const PackWork& work, int count, const PackedRows& out);
// y (rows `stride` apart) = x · Wᵀ, or y + x · Wᵀ.
void launch_multiply(cudaStream_t stream, const Weights& w, const PackedRows& x, float* y, int stride, int count,
                     bool add);
void launch_rotate(cudaStream_t stream, const CacheShape& shape, const Row* rows, int count, const float* table,
                   float* qkv, unsigned short* keys, unsigned short* values);
void launch_attention(cudaStream_t stream, const CacheShape& shape, const Row* rows, int count, const float* qkv,
                      const unsigned short* keys, const unsigned short* values, float* out);
// Reads memory and nothing else. `bytes`: a multiple of 16; `out`: one number, not written to.
void launch_read(cudaStream_t stream, const void* data, std::size_t bytes, unsigned* out);

// Rows that a launch may touch beyond `count`: activations are made for a multiple of this.
constexpr int kRowsAtOnce = 64;

}  // namespace inferstep::llm::cuda
