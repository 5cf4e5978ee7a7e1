#include "inferdb/backends/memory_torch.hpp"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <c10/util/Exception.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

namespace inferstep {
namespace {

std::atomic<std::int64_t> in_use{0};
std::int64_t limit = 0;

void give_back(void* memory) {
    if (memory != nullptr) {
        in_use -= static_cast<std::int64_t>(malloc_usable_size(memory));
        c10::free_cpu(memory);
    }
}

class BoundedAllocator final : public c10::Allocator {
   public:
    c10::DataPtr allocate(std::size_t bytes) override {
        const std::int64_t left = limit == 0 ? INT64_MAX : limit - in_use;
        TORCH_CHECK(left >= 0 && bytes <= static_cast<std::uint64_t>(left), "the model needs more memory than the ",
                    limit, " bytes that all models together may take (MAXTORCH)");
        void* memory = c10::alloc_cpu(bytes);
        if (memory != nullptr) {
            in_use += static_cast<std::int64_t>(malloc_usable_size(memory));
        }
        return {memory, memory, give_back, c10::Device(c10::DeviceType::CPU)};
    }
    c10::DeleterFnPtr raw_deleter() const override { return give_back; }
    void copy_data(void* to, const void* from, std::size_t bytes) const override { std::memcpy(to, from, bytes); }
};

}  // namespace

void bound_memory(std::size_t bytes) {
    static BoundedAllocator allocator;
    limit = static_cast<std::int64_t>(std::min<std::size_t>(bytes, INT64_MAX));
    c10::SetCPUAllocator(&allocator, /*priority=*/200);
}

// What was taken before it was counted may be given back later: never below zero.
std::size_t memory_in_use() { return static_cast<std::size_t>(std::max<std::int64_t>(0, in_use)); }

}  // namespace inferstep
