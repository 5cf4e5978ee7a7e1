// One client's arena while it is connected, and all of them. Private to the arena's files; main thread.
#pragma once

#include <memory>
#include <vector>

#include "core/fd.hpp"
#include "inferdb/arena.hpp"

namespace inferstep {

struct ArenaSession {
    explicit ArenaSession(int socket) : fd(socket) {}

    UniqueFd fd;
    std::uint64_t token = 0;
    std::shared_ptr<ArenaMemory> memory;  // null until the client has asked
    std::uint64_t drained = 0;            // messages taken; the count in the arena is for the client
    bool closed = false;                  // it wrote nonsense: nothing more is taken

    bool waiting() const {
        return memory != nullptr && !closed && memory->head().published.load(std::memory_order_acquire) != drained;
    }
};

struct ArenaState {
    redis::Context* context = nullptr;
    redis::Filter* filter = nullptr;  // while anybody has an arena
    UniqueFd listening;
    std::vector<std::unique_ptr<ArenaSession>> sessions;
    ArenaStats stats;
    bool draining = false;
};

// Never destroyed: other threads may still let go of tensors while the process ends.
ArenaState& arenas();

}  // namespace inferstep
