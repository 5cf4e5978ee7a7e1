// The launches of libinferstep_cuda.so on the emulated GPU, in place of kernels.cu.
#include "cuda_runtime.h"
#include "emulation.hpp"

// The products of a warp in one exchange instead of 32 shuffles, in the same order of additions.
#define INFERSTEP_OWN_MMA 1
namespace inferstep::llm::cuda {

struct Operands {
    unsigned a[4];
    unsigned b[2];
};

template <typename C, typename Dot>
void mma(C (&c)[4], const uint4& a, unsigned b0, unsigned b1, Dot dot) {
    const Operands mine = {{a.x, a.y, a.z, a.w}, {b0, b1}};
    const unsigned char* given = test::exchange(&mine, sizeof mine);
    const int lane = static_cast<int>(threadIdx.x % 32U);
    const int g = lane / 4;
    const int t = lane % 4;
    for (int source = 0; source < 8; source++) {
        const int half = source / 4;
        const int from = source % 4;
        const auto rows = test::of_lane<Operands>(given, g * 4 + from);
        const auto left = test::of_lane<Operands>(given, t * 8 + from);
        const auto right = test::of_lane<Operands>(given, t * 8 + 4 + from);
        for (int i = 0; i < 4; i++) {
            c[i] = dot(rows.a[half * 2 + i / 2], (i % 2 == 0 ? left : right).b[half], c[i]);
        }
    }
}

}  // namespace inferstep::llm::cuda

#include "llm/cuda/attention.cuh"

namespace inferstep::llm::cuda {

namespace {

// Arguments are copied, as a launch's are.
template <typename Kernel>
void launch(int grid_x, int grid_y, int threads, const Kernel& kernel) {
    put_on_stream([=] { test::emulate(grid_x, grid_y, threads, kernel); });
}

template <Kind K>
void multiply_kind(const Weights& w, const PackedRows& x, float* y, int stride, int count, bool add) {
    const int tiles = batch_tiles(count);
    if (tiles <= 1) {
        launch(tiles_of(w.rows), 1, kMultiplyThreads, [=] { multiply_kernel<K, 1>(w, x, y, stride, count, add); });
    } else {
        launch(tiles_of(w.rows), (tiles + 1) / 2, kMultiplyThreads,
               [=] { multiply_kernel<K, 2>(w, x, y, stride, count, add); });
    }
}

template <Source S>
void pack_source(Kind kind, const PackWork& work, int count, const PackedRows& out) {
    if (kind == Kind::kBf16) {
        launch(count, 1, kRowThreads, [=] { pack_kernel<S, true>(work, out); });
    } else {
        launch(count, 1, kRowThreads, [=] { pack_kernel<S, false>(work, out); });
    }
}

}  // namespace

void launch_embed(cudaStream_t /*stream*/, const Weights& w, const Row* rows, int count, float* x) {
    launch(count, 1, kRowThreads, [=] { embed_kernel(w, rows, x); });
}

void launch_pack(cudaStream_t /*stream*/, Source source, Kind kind, const PackWork& work, int count,
                 const PackedRows& out) {
    switch (source) {
        case Source::kPlain:
            return pack_source<Source::kPlain>(kind, work, count, out);
        case Source::kNorm:
            return pack_source<Source::kNorm>(kind, work, count, out);
        case Source::kGated:
            return pack_source<Source::kGated>(kind, work, count, out);
    }
}

void launch_multiply(cudaStream_t /*stream*/, const Weights& w, const PackedRows& x, float* y, int stride, int count,
                     bool add) {
    switch (w.kind) {
        case Kind::kBf16:
            return multiply_kind<Kind::kBf16>(w, x, y, stride, count, add);
        case Kind::kInt8:
            return multiply_kind<Kind::kInt8>(w, x, y, stride, count, add);
        case Kind::kInt4:
            return multiply_kind<Kind::kInt4>(w, x, y, stride, count, add);
        case Kind::kInt4Min:
            return multiply_kind<Kind::kInt4Min>(w, x, y, stride, count, add);
    }
}

void launch_rotate(cudaStream_t /*stream*/, const CacheShape& shape, const Row* rows, int count, const float* table,
                   float* qkv, unsigned short* keys, unsigned short* values) {
    launch(count, 1, kRowThreads, [=] { rotate_kernel(shape, rows, table, qkv, keys, values); });
}

void launch_attention(cudaStream_t /*stream*/, const CacheShape& shape, const Row* rows, int count, const float* qkv,
                      const unsigned short* keys, const unsigned short* values, float* out) {
    launch(count, shape.heads, kAttentionThreads, [=] { attention_kernel(shape, rows, qkv, keys, values, out); });
}

void launch_read(cudaStream_t /*stream*/, const void* /*data*/, std::size_t /*bytes*/, unsigned* /*out*/) {}

}  // namespace inferstep::llm::cuda
