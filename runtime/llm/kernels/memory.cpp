#include "llm/kernels/memory.hpp"

#include <errno.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>

namespace inferstep::llm {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t up_to(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

// A mapping whose start is a multiple of `alignment`: what was mapped too much is given back.
std::byte* map_aligned(std::size_t bytes, std::size_t alignment) {
    const std::size_t slack = alignment > kPage ? alignment : 0;
    void* found = mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (found == MAP_FAILED) {
        return nullptr;
    }
    auto* start = static_cast<std::byte*>(found);
    if (slack == 0) {
        return start;
    }
    const std::size_t past = reinterpret_cast<std::uintptr_t>(start) % alignment;
    const std::size_t before = past == 0 ? 0 : alignment - past;
    if (before > 0) {
        munmap(start, before);
    }
    if (slack > before) {
        munmap(start + before + bytes, slack - before);
    }
    return start + before;
}

}  // namespace

Result<Memory> Memory::create(std::size_t bytes) {
    Memory memory;
    if (bytes == 0) {
        return memory;
    }
    if (bytes > SIZE_MAX - 2 * kHugePage) {
        return fail("{} bytes are more than any machine has", bytes);
    }
    const bool huge = bytes >= kHugePage;
    const std::size_t mapped = up_to(bytes, kPage);
    std::byte* data = map_aligned(mapped, huge ? kHugePage : kPage);
    if (data == nullptr) {
        return fail("{} MiB of memory are not to be had: {}", bytes >> 20U, std::strerror(errno));
    }
    if (huge) {
        madvise(data, mapped, MADV_HUGEPAGE);  // a wish: where the kernel has none, small pages do
    }
    memory.data_ = data;
    memory.size_ = bytes;
    return memory;
}

Memory::~Memory() {
    if (data_ != nullptr) {
        munmap(data_, up_to(size_, kPage));
    }
}

}  // namespace inferstep::llm
