// Keys and values of the sequences in flight, in bfloat16. Of each layer, slot and head the positions follow each other
// in memory, so that a query reads one stretch of keys and one of values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/result.hpp"
#include "llm/kernels/memory.hpp"
#include "llm/kernels/pool.hpp"

namespace inferstep::llm {

struct CacheShape {
    int layers = 0;
    int slots = 0;
    int heads = 0;
    int context = 0;  // positions of a slot
    int head_dim = 0;
};

class KvCache {
   public:
    // All of it, touched by the pool's threads: what is too large shows now and not in the middle of a run.
    static Result<KvCache> create(const CacheShape& shape, Pool& pool);

    // context × head_dim numbers.
    std::uint16_t* keys(int layer, int slot, int head) { return stretch(layer, slot, head, 0); }
    std::uint16_t* values(int layer, int slot, int head) { return stretch(layer, slot, head, 1); }
    std::size_t bytes() const { return memory_.size(); }

   private:
    KvCache(const CacheShape& shape, Memory memory) : shape_(shape), memory_(std::move(memory)) {}

    std::uint16_t* stretch(int layer, int slot, int head, int which) {
        const auto stretches = ((static_cast<std::size_t>(layer) * static_cast<std::size_t>(shape_.slots) +
                                 static_cast<std::size_t>(slot)) *
                                    static_cast<std::size_t>(shape_.heads) +
                                static_cast<std::size_t>(head)) *
                                   2 +
                               static_cast<std::size_t>(which);
        return reinterpret_cast<std::uint16_t*>(memory_.data()) + stretches * stretch_size();
    }
    std::size_t stretch_size() const {
        return static_cast<std::size_t>(shape_.context) * static_cast<std::size_t>(shape_.head_dim);
    }

    CacheShape shape_;
    Memory memory_;
};

}  // namespace inferstep::llm
