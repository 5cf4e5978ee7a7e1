#include "llm/stage/kv_cache.hpp"

#include <unistd.h>

namespace inferstep::llm {

namespace {

// Layer by layer, each in the order of slots and heads in which attention hands them out: where one group has all slots
// a domain's threads find most of what they read near them. With more groups, and when few slots are in use, others
// read it; that is left so, since who reads a slot changes with every batch, while each layer is spread over all
// domains.
void touch(Memory& memory, const CacheShape& shape, Pool& pool) {
    constexpr std::size_t kPage = 4096;
    const std::size_t stretch = memory.size() / static_cast<std::size_t>(shape.layers) /
                                (static_cast<std::size_t>(shape.slots) * static_cast<std::size_t>(shape.heads));
    const int stretches = shape.slots * shape.heads;
    for (int layer = 0; layer < shape.layers; ++layer) {
        const auto touch_one = [&](int chunk, int /*thread*/) {
            const std::size_t begin = stretch * (static_cast<std::size_t>(layer) * static_cast<std::size_t>(stretches) +
                                                 static_cast<std::size_t>(chunk));
            for (std::size_t at = (begin + kPage - 1) / kPage * kPage; at < begin + stretch; at += kPage) {
                memory.data()[at] = std::byte{0};
            }
        };
        pool.each(stretches, touch_one, Pool::Reach::kDomain);
    }
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
    touch(*memory, shape, pool);
    return KvCache(shape, std::move(*memory));
}

}  // namespace inferstep::llm
