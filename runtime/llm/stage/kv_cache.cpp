#include "llm/stage/kv_cache.hpp"

#include <unistd.h>

#include <algorithm>

namespace inferstep::llm {

namespace {

void touch(Memory& memory, Pool& pool) {
    constexpr std::size_t kPage = 4096;
    constexpr std::size_t kChunk = std::size_t{4} << 20U;
    const auto chunks = static_cast<int>((memory.size() + kChunk - 1) / kChunk);
    pool.each(chunks, [&memory](int chunk, int /*thread*/) {
        const std::size_t begin = static_cast<std::size_t>(chunk) * kChunk;
        const std::size_t end = std::min(memory.size(), begin + kChunk);
        for (std::size_t at = begin; at < end; at += kPage) {
            memory.data()[at] = std::byte{0};
        }
    });
}

}  // namespace

Result<KvCache> KvCache::create(const CacheShape& shape, Pool& pool) {
    // More than the machine has would be given, and would end the process when it is touched.
    const double most = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
    std::size_t bytes = 2 * sizeof(std::uint16_t);
    double exact = static_cast<double>(bytes);
    for (const int extent : {shape.layers, shape.slots, shape.heads, shape.context, shape.head_dim}) {
        if (extent < 1) {
            return fail("a cache of {} layers, {} slots, {} heads, {} positions and head_dim {} holds nothing",
                        shape.layers, shape.slots, shape.heads, shape.context, shape.head_dim);
        }
        bytes *= static_cast<std::size_t>(extent);
        exact *= extent;
    }
    Result<Memory> memory =
        exact < most ? Memory::create(bytes) : Result<Memory>(fail("the machine has {:.2f} GB", most / 1e9));
    if (!memory) {
        return with_hint(fail("the keys and values of {} sequences of {} positions ({:.2f} GB) find no room: {}",
                              shape.slots, shape.context, exact / 1e9, memory.error().message),
                         "a smaller batch, fewer groups in flight, or more stages");
    }
    touch(*memory, pool);
    return KvCache(shape, std::move(*memory));
}

}  // namespace inferstep::llm
