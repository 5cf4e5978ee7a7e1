#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include "llm/kernels/kernels.hpp"
#include "llm/kernels/memory.hpp"
#include "llm/kernels/vector_math.hpp"

namespace inferstep::llm {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10U;

double seconds_of_pass(Pool& pool, const std::byte* data, int chunks) {
    std::vector<float> sums(static_cast<std::size_t>(pool.threads()) * 16);  // a cache line for each thread
    const auto start = std::chrono::steady_clock::now();
    pool.each(chunks, [&](int chunk, int thread) {
        const std::byte* from = data + kChunk * static_cast<std::size_t>(chunk);
        sums[static_cast<std::size_t>(thread) * 16] +=
            kernels().sum(reinterpret_cast<const float*>(from), kChunk / sizeof(float));
    });
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

double read_bandwidth(Pool& pool, const std::byte* data, std::size_t bytes, double seconds) {
    const auto chunks = static_cast<int>(std::min<std::size_t>(bytes / kChunk, 1U << 19U));
    if (chunks == 0) {
        return 0;
    }
    double best = 0;
    double spent = 0;
    do {
        const double pass = seconds_of_pass(pool, data, chunks);
        best = std::max(best, static_cast<double>(chunks) * static_cast<double>(kChunk) / pass);
        spent += pass;
    } while (spent < seconds);
    return best;
}

double read_bandwidth(Pool& pool, double seconds) {
    constexpr std::size_t kBytes = std::size_t{512} << 20U;
    Result<Memory> memory = Memory::create(kBytes);
    if (!memory) {
        return 0;
    }
    const auto write = [&](int chunk, int) {  // a page that was never written is no memory
        std::memset(memory->data() + kChunk * static_cast<std::size_t>(chunk), 0x3c, kChunk);
    };
    pool.each(static_cast<int>(kBytes / kChunk), write, Pool::Reach::kDomain);
    return read_bandwidth(pool, memory->data(), kBytes, seconds);
}

}  // namespace inferstep::llm
