// The memory of arenas on the database's side: mapped once, counted against the quota, and kept until the last tensor
// in it has gone, also after its client.
#pragma once

#include <atomic>
#include <memory>
#include <unordered_set>

#include "core/arena_layout.hpp"
#include "core/fd.hpp"
#include "inferdb/tensor.hpp"

namespace inferstep {

enum class Home { all, more, no_room };

class ArenaMemory {
   public:
    // A new arena with so many bytes of data part; `file` is to be sent to the client and closed. Error: no memory.
    static Result<std::shared_ptr<ArenaMemory>> make(std::size_t data_bytes, UniqueFd& file);
    ~ArenaMemory();
    ArenaMemory(const ArenaMemory&) = delete;
    ArenaMemory& operator=(const ArenaMemory&) = delete;

    ArenaHead& head() { return *head_; }
    char* data() { return reinterpret_cast<char*>(head_) + kArenaData; }
    std::size_t data_bytes() const { return data_bytes_; }
    bool holds(const void* p, std::size_t bytes) const;  // whether this lies in the data part

    // Bytes of all arenas that are mapped now. From any thread.
    static std::uint64_t total();

   private:
    ArenaMemory(ArenaHead* head, std::size_t data_bytes);
    friend struct ArenaBlock;
    friend void keep_note(TensorRef*);
    friend void drop_note(TensorRef*);
    friend Home bring_home(const std::shared_ptr<ArenaMemory>&, std::size_t);

    ArenaHead* head_;
    std::size_t data_bytes_;
    std::unordered_set<TensorRef*> keys_;  // values of keys whose tensor lies here; guarded by one lock for all arenas
};

// What keeps a tensor in an arena alive: the deleter of TensorView::owner, called from any thread.
struct ArenaBlock {
    std::shared_ptr<ArenaMemory> memory;
    std::uint32_t slot;
    void operator()(const void*) const {
        memory->head().slots[slot].store(static_cast<std::uint32_t>(ArenaSlot::free), std::memory_order_release);
    }
};

// The value of a key is made, or deleted (from any thread): what bring_home() needs to know. They do nothing for
// tensors elsewhere.
void keep_note(TensorRef* value);
void drop_note(TensorRef* value);

// Copy the tensors of keys that lie in this arena to memory of their own, until about `most` bytes are copied (more are
// left then), all are, or there is no room. On the main thread.
Home bring_home(const std::shared_ptr<ArenaMemory>& memory, std::size_t most);

// A private copy of a tensor in memory that Redis counts; null when there is none.
TensorRef copy_of(const TensorView& tensor);

}  // namespace inferstep
