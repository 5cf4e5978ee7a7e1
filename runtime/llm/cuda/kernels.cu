// The kernels compiled, and the choice among them.
#include "llm/cuda/attention.cuh"
#include "llm/cuda/launch.hpp"

namespace inferstep::llm::cuda {

namespace {

dim3 grid_of(int x, int y = 1) { return {static_cast<unsigned>(x), static_cast<unsigned>(y), 1U}; }

template <Kind K, int T>
void multiply_tiles(cudaStream_t stream, const Weights& w, const PackedRows& x, float* y, int stride, int count,
                    bool add) {
    const dim3 grid = grid_of(tiles_of(w.rows), (batch_tiles(count) + T - 1) / T);
    multiply_kernel<K, T><<<grid, kMultiplyThreads, 0, stream>>>(w, x, y, stride, count, add);
}

template <Kind K>
void multiply_kind(cudaStream_t stream, const Weights& w, const PackedRows& x, float* y, int stride, int count,
                   bool add) {
    const int tiles = batch_tiles(count);
    if (tiles <= 1) {
        multiply_tiles<K, 1>(stream, w, x, y, stride, count, add);
    } else if (tiles <= 2) {
        multiply_tiles<K, 2>(stream, w, x, y, stride, count, add);
    } else if (tiles <= 4) {
        multiply_tiles<K, 4>(stream, w, x, y, stride, count, add);
    } else {
        multiply_tiles<K, kRowsAtOnce / kTileBatch>(stream, w, x, y, stride, count, add);
    }
}

template <Source S>
void pack_source(cudaStream_t stream, Kind kind, const PackWork& work, int count, const PackedRows& out) {
    if (kind == Kind::kBf16) {
        pack_kernel<S, true><<<grid_of(count), kRowThreads, 0, stream>>>(work, out);
    } else {
        pack_kernel<S, false><<<grid_of(count), kRowThreads, 0, stream>>>(work, out);
    }
}

__global__ void read_kernel(const uint4* data, std::size_t count, unsigned* out) {
    unsigned seen = 0;
    const std::size_t first = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    for (std::size_t i = first; i < count; i += static_cast<std::size_t>(gridDim.x) * blockDim.x) {
        const uint4 piece = __ldcs(data + i);
        seen |= piece.x | piece.y | piece.z | piece.w;
    }
    if (seen == 0xffffffffU) {  // never of zeros, which the compiler cannot know
        *out = seen;
    }
}

}  // namespace

void launch_embed(cudaStream_t stream, const Weights& w, const Row* rows, int count, float* x) {
    embed_kernel<<<grid_of(count), kRowThreads, 0, stream>>>(w, rows, x);
}

void launch_pack(cudaStream_t stream, Source source, Kind kind, const PackWork& work, int count,
                 const PackedRows& out) {
    switch (source) {
        case Source::kPlain:
            return pack_source<Source::kPlain>(stream, kind, work, count, out);
        case Source::kNorm:
            return pack_source<Source::kNorm>(stream, kind, work, count, out);
        case Source::kGated:
            return pack_source<Source::kGated>(stream, kind, work, count, out);
    }
}

void launch_multiply(cudaStream_t stream, const Weights& w, const PackedRows& x, float* y, int stride, int count,
                     bool add) {
    switch (w.kind) {
        case Kind::kBf16:
            return multiply_kind<Kind::kBf16>(stream, w, x, y, stride, count, add);
        case Kind::kInt8:
            return multiply_kind<Kind::kInt8>(stream, w, x, y, stride, count, add);
        case Kind::kInt4:
            return multiply_kind<Kind::kInt4>(stream, w, x, y, stride, count, add);
        case Kind::kInt4Min:
            return multiply_kind<Kind::kInt4Min>(stream, w, x, y, stride, count, add);
    }
}

void launch_rotate(cudaStream_t stream, const CacheShape& shape, const Row* rows, int count, const float* table,
                   float* qkv, unsigned short* keys, unsigned short* values) {
    rotate_kernel<<<grid_of(count), kRowThreads, 0, stream>>>(shape, rows, table, qkv, keys, values);
}

void launch_attention(cudaStream_t stream, const CacheShape& shape, const Row* rows, int count, const float* qkv,
                      const unsigned short* keys, const unsigned short* values, float* out) {
    attention_kernel<<<grid_of(count, shape.heads), kAttentionThreads, 0, stream>>>(shape, rows, qkv, keys, values,
                                                                                    out);
}

void launch_read(cudaStream_t stream, const void* data, std::size_t bytes, unsigned* out) {
    read_kernel<<<2048, 256, 0, stream>>>(static_cast<const uint4*>(data), bytes / sizeof(uint4), out);
}

}  // namespace inferstep::llm::cuda
