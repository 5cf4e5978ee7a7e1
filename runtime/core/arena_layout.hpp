// The arena: memory that one client shares with a database on its node, so that a put moves a handle instead of bytes.
//
// The database makes it (a memfd whose size is sealed) and sends it over a Unix socket of its own; that connection
// lives as long as the arena is used. It begins with ArenaHead; the data part follows at kArenaData.
//
//   put   The client, which alone decides what lies where in the data part, writes a tensor there, marks a slot as
//         taken, fills ring[published % kArenaRing] and increments `published`. The database looks at every ring
//         before it executes any command, stores what it finds in the order of the stamps, and increments `drained`.
//   free  When the last owner of a stored tensor has let go, the database sets its slot to free. The client finds out
//         by looking.
//   get   AI._ARENAGET answers where in the data part a tensor lies, having copied it there if need be.
//
// Both sides can write everything here at any time. The database trusts nothing in it: a message is copied out once
// and the copy is checked; what it has stored keeps a private note of place and size. Needs libc alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace inferstep {

constexpr std::uint32_t kArenaMagic = 0x1f57a4e0;
constexpr std::uint32_t kArenaVersion = 1;
constexpr std::uint32_t kArenaRing = 256;    // puts that may wait to be drained; a power of two
constexpr std::uint32_t kArenaSlots = 1024;  // tensors that may lie in the arena at the same time
constexpr std::size_t kArenaRank = 8;        // tensors of more dimensions go by the socket, as do longer keys
constexpr std::size_t kArenaKey = 416;
constexpr std::size_t kArenaAlign = 64;  // of every tensor in the data part

struct ArenaMessage {
    std::int64_t stamp;    // CLOCK_MONOTONIC in ns when it was put: the order among clients
    std::uint64_t offset;  // in the data part, a multiple of kArenaAlign
    std::uint64_t bytes;
    std::int64_t shape[kArenaRank];  // `rank` of them
    std::uint32_t slot;
    std::uint16_t key_bytes;  // 1 … kArenaKey
    std::uint8_t type;        // float32, float64, int8, int16, int32, int64, uint8, uint16 from 0
    std::uint8_t rank;        // 1 … kArenaRank
    char key[kArenaKey];
};
static_assert(sizeof(ArenaMessage) == 512);

enum class ArenaSlot : std::uint32_t { free = 0, taken = 1 };

struct ArenaHead {
    std::uint32_t magic;
    std::uint32_t version;
    alignas(64) std::atomic<std::uint64_t> published;  // written by the client
    alignas(64) std::atomic<std::uint64_t> drained;    // written by the database, as all up to the slots
    std::atomic<std::uint32_t> errors;                 // puts that were refused; `error` says why the first of them was
    std::atomic<std::uint32_t> closed;                 // not 0: the database looks at this arena no more
    char error[496];
    alignas(64) std::atomic<std::uint32_t> errors_seen;  // written by the client: it has read `error`
    alignas(64) std::atomic<std::uint32_t> slots[kArenaSlots];
    alignas(64) ArenaMessage ring[kArenaRing];
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

constexpr std::size_t kArenaPage = 4096;
constexpr std::size_t kArenaData = (sizeof(ArenaHead) + kArenaPage - 1) / kArenaPage * kArenaPage;

// What a client says first on the arena's socket …
struct ArenaHello {
    std::uint32_t magic;
    std::uint32_t version;
    std::uint64_t least;  // bytes of data part, below which it wants none
    std::uint64_t wish;
    std::int64_t clock;  // its CLOCK_MONOTONIC: stamps must be comparable
};
// … and the answer, which carries the memfd unless the request is refused.
struct ArenaWelcome {
    std::uint32_t magic;
    std::uint32_t version;
    std::uint64_t token;  // names the arena in AI._ARENAGET; known to nobody else
    std::uint64_t bytes;  // of the data part; 0: refused
    char refusal[104];
};

}  // namespace inferstep
