// The client's side of one arena (core/arena_layout.hpp): the shared memory, what lies where in it, and the ring of
// puts. Private to the library; one thread at a time.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/arena_layout.hpp"
#include "core/fd.hpp"
#include "db/client/connection.hpp"

namespace inferstep::client {

// Which bytes of the data part are free. First fit: what was used last is used again, while it is in the caches.
class ArenaRanges {
   public:
    explicit ArenaRanges(std::uint64_t bytes) : free_{{0, bytes}} {}
    static std::uint64_t rounded(std::uint64_t bytes) { return (bytes + kArenaAlign - 1) / kArenaAlign * kArenaAlign; }

    // The offset of so many bytes, a multiple of kArenaAlign.
    std::optional<std::uint64_t> take(std::uint64_t bytes);
    void give(std::uint64_t offset, std::uint64_t bytes);  // as taken

   private:
    std::map<std::uint64_t, std::uint64_t> free_;  // offset, bytes; no two touch
};

struct ArenaBlock {
    std::uint32_t slot = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
};

class ArenaSegment {
   public:
    // Ask the database that listens at `path` for an arena with at least so many bytes of data part. Error: nobody
    // answers within the time, the request is refused, or the answer is none.
    static ClientStatus open(const std::string& path, std::uint64_t least, std::uint64_t wish,
                             std::chrono::milliseconds timeout, std::shared_ptr<ArenaSegment>& segment);
    ~ArenaSegment();
    ArenaSegment(const ArenaSegment&) = delete;
    ArenaSegment& operator=(const ArenaSegment&) = delete;

    // Tell the database that this arena is done with. What was put stays put, and memory stays mapped.
    void leave() { socket_.reset(); }

    // Room for a tensor, and a slot for it; nothing when either is lacking.
    std::optional<ArenaBlock> take(std::uint64_t bytes);
    void give(const ArenaBlock& block);
    // Take back what the database has let go of, looking at no more than `most` blocks.
    void reclaim(std::size_t most);

    bool ring_full() const { return published_ - drained() >= kArenaRing; }
    bool all_drained() const { return published_ == drained(); }
    // Hand the block over as a tensor: from now on it must not be written. The ring must not be full.
    void publish(const ArenaBlock& block, const TensorIn& tensor, std::uint64_t bytes);
    // Whether a message can say this.
    static bool can_say(const TensorIn& tensor);

    std::byte* data() const { return reinterpret_cast<std::byte*>(head_) + kArenaData; }
    std::uint64_t data_bytes() const { return data_bytes_; }
    std::uint64_t token() const { return token_; }
    bool closed() const { return head_->closed.load(std::memory_order_acquire) != 0; }
    // Why puts were refused since the last call; empty: none was.
    std::string problem();

   private:
    ArenaSegment(UniqueFd socket, ArenaHead* head, const ArenaWelcome& welcome);
    std::uint64_t drained() const { return head_->drained.load(std::memory_order_acquire); }

    UniqueFd socket_;
    ArenaHead* head_;
    std::uint64_t data_bytes_;
    std::uint64_t token_;
    std::uint64_t published_ = 0;
    std::uint32_t errors_ = 0;  // known
    ArenaRanges ranges_;
    std::vector<std::uint32_t> free_slots_;
    std::vector<ArenaBlock> handed_over_;
    std::size_t look_ = 0;  // at which of these next
};

}  // namespace inferstep::client
