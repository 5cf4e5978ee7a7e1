#include "inferdb/arena_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <new>

namespace inferstep {
namespace {

std::atomic<std::uint64_t> mapped{0};
std::atomic<bool> any_arena{false};

std::mutex& notes() {
    static std::mutex lock;
    return lock;
}

const ArenaBlock* block_of(const TensorRef& tensor) { return std::get_deleter<const ArenaBlock>(tensor->owner); }

}  // namespace

Result<std::shared_ptr<ArenaMemory>> ArenaMemory::make(std::size_t data_bytes, UniqueFd& file) {
    const std::size_t bytes = kArenaData + data_bytes;
    file.reset(memfd_create("inferstep-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file || ftruncate(file.get(), static_cast<off_t>(bytes)) != 0 ||
        fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return fail("cannot make an arena of {} bytes: {}", bytes, std::strerror(errno));
    }
    void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (p == MAP_FAILED) {
        return fail("cannot map an arena of {} bytes: {}", bytes, std::strerror(errno));
    }
    auto* head = new (p) ArenaHead{};
    head->magic = kArenaMagic;
    head->version = kArenaVersion;
    return std::shared_ptr<ArenaMemory>(new ArenaMemory(head, data_bytes));
}

ArenaMemory::ArenaMemory(ArenaHead* head, std::size_t data_bytes) : head_(head), data_bytes_(data_bytes) {
    mapped += kArenaData + data_bytes_;
    any_arena = true;
}

ArenaMemory::~ArenaMemory() {
    munmap(head_, kArenaData + data_bytes_);
    mapped -= kArenaData + data_bytes_;
}

bool ArenaMemory::holds(const void* p, std::size_t bytes) const {
    const auto first = reinterpret_cast<std::uintptr_t>(head_) + kArenaData;
    const auto at = reinterpret_cast<std::uintptr_t>(p);
    return at >= first && bytes <= data_bytes_ && at - first <= data_bytes_ - bytes;
}

std::uint64_t ArenaMemory::total() { return mapped; }

void keep_note(TensorRef* value) {
    if (const ArenaBlock* block = block_of(*value); block != nullptr) {
        const std::lock_guard lock(notes());
        block->memory->keys_.insert(value);
    }
}

void drop_note(TensorRef* value) {
    if (!any_arena) {
        return;
    }
    // The lock comes first: the main thread may be giving this value another tensor.
    const std::lock_guard lock(notes());
    if (const ArenaBlock* block = block_of(*value); block != nullptr) {
        block->memory->keys_.erase(value);
    }
}

Home bring_home(const std::shared_ptr<ArenaMemory>& memory, std::size_t most) {
    const std::lock_guard lock(notes());
    for (std::size_t copied = 0; !memory->keys_.empty();) {
        if (copied >= most) {
            return Home::more;
        }
        const auto first = memory->keys_.begin();
        TensorRef copy = redis::GetUsedMemoryRatio() > 1 ? nullptr : copy_of(***first);
        if (!copy) {
            return Home::no_room;
        }
        copied += copy->bytes;
        **first = std::move(copy);
        memory->keys_.erase(first);
    }
    return Home::all;
}

TensorRef copy_of(const TensorView& tensor) {
    const auto room = allocate(tensor.bytes);
    if (!room) {
        return nullptr;
    }
    if (tensor.bytes != 0) {
        std::memcpy(room.get(), tensor.data, tensor.bytes);
    }
    auto copy = std::make_shared<TensorView>();
    copy->dtype = tensor.dtype;
    copy->shape = tensor.shape;
    copy->data = room.get();
    copy->bytes = tensor.bytes;
    copy->owner = room;
    return copy;
}

}  // namespace inferstep
