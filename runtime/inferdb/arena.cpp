// Draining: from the rings of all clients into the keyspace.
#include "inferdb/arena.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "core/clock.hpp"
#include "core/log.hpp"
#include "inferdb/arena_message.hpp"
#include "inferdb/arena_session.hpp"

namespace inferstep {
namespace {

// A client's stamps are those of this machine's clock; one that lies so far ahead is no stamp.
constexpr std::int64_t kAheadNs = 1'000'000'000;

// What one session has for this drain. `next` is a private copy.
struct Taken {
    ArenaSession* session;
    std::uint64_t end;
    std::uint64_t bytes = 0;
    ArenaMessage next{};
};

void close_session(ArenaSession& session, const std::string& why) {
    session.closed = true;
    ++arenas().stats.closed;
    session.memory->head().closed.store(1, std::memory_order_release);
    redis::Log(arenas().context, "warning", "an arena is closed, its client wrote nonsense into it: %s", why.c_str());
    shutdown(session.fd.get(), SHUT_RDWR);  // the event loop takes it from there
}

// The client learns with its next call that a put which had returned was refused.
void report(ArenaSession& session, const ArenaPut& put, const Error& error) {
    ++arenas().stats.refused;
    ArenaHead& head = session.memory->head();
    const std::uint32_t errors = head.errors.load(std::memory_order_relaxed);
    if (errors == head.errors_seen.load(std::memory_order_acquire)) {
        const std::string text = printable("AI.TENSORSET " + put.key.substr(0, 128)) + ": " + error.message;
        std::strncpy(head.error, text.c_str(), sizeof head.error - 1);
    }
    head.errors.store(errors + 1, std::memory_order_release);
}

// Whole numbers serve as indices, which kernels check first and use then: their tensors get memory that the client
// cannot write. The value of a float decides about no address.
bool stays(DType type) { return type == DType::float32 || type == DType::float64; }

Status store(ArenaSession& session, const ArenaPut& put, int flags) {
    auto view = std::make_shared<TensorView>();
    view->dtype = put.dtype;
    view->shape = put.shape;
    view->data = session.memory->data() + put.offset;
    view->bytes = put.bytes;
    view->owner = std::shared_ptr<const void>(view->data, ArenaBlock{session.memory, put.slot});
    if ((flags & redis::kFlagReplica) != 0) {
        return Error{"READONLY You can't write against a read only replica.", {}};
    }
    TensorRef tensor = stays(put.dtype) ? TensorRef(std::move(view)) : copy_of(*view);
    if ((flags & redis::kFlagOom) != 0 || !tensor) {
        return Error{"OOM command not allowed when used memory > 'maxmemory'.", {}};
    }
    redis::Context* context = arenas().context;
    redis::String* key = redis::CreateString(context, put.key.data(), put.key.size());
    Status status = store_tensor(context, key, tensor);
    if (status && replicate_tensor(context, key, *tensor)) {
        // Redis sends what a module replicates when the module's callback ends. Filters and the event loop are no such
        // callbacks; this one is.
        redis::NotifyKeyspaceEvent(context, redis::kNotifyModule, "ai.tensorset", key);
    }
    redis::FreeString(context, key);
    return status;
}

// The next message of a session, if it has one for this drain that was put before `until`.
bool fetch(Taken& taken, std::int64_t until) {
    ArenaSession& session = *taken.session;
    if (session.closed || session.drained == taken.end) {
        return false;
    }
    // Byte by byte as far as the language knows: the client may be writing.
    std::memcpy(&taken.next, &session.memory->head().ring[session.drained % kArenaRing], sizeof taken.next);
    if (taken.next.stamp > until + kAheadNs) {
        close_session(session, "a stamp of the future");
        return false;
    }
    return taken.next.stamp <= until;
}

void store_next(Taken& taken) {
    ArenaSession& session = *taken.session;
    const auto put = read_arena_put(taken.next, session.memory->data_bytes());
    if (!put) {
        close_session(session, put.error().message);
        return;
    }
    // Tensors that wait lie side by side; without this bound one message after the other could cost a large copy.
    taken.bytes += put->bytes;
    if (taken.bytes > session.memory->data_bytes()) {
        close_session(session, "tensors that overlap");
        return;
    }
    ++arenas().stats.puts;
    // Asked each time: what has been stored so far may have used up the memory.
    if (Status status = store(session, *put, redis::GetContextFlags(arenas().context)); !status) {
        report(session, *put, status.error());
    }
    session.memory->head().drained.store(++session.drained, std::memory_order_release);
}

void drain_all() {
    // The clock is read before the rings: of two puts, one made because of the other, the later is never seen alone.
    const std::int64_t until = now_ns();
    std::vector<Taken> heap;
    for (const auto& session : arenas().sessions) {
        if (!session->waiting()) {
            continue;
        }
        const std::uint64_t end = session->memory->head().published.load(std::memory_order_acquire);
        if (end - session->drained > kArenaRing) {
            close_session(*session, "more messages than there is room for");
            continue;
        }
        heap.push_back({session.get(), end});
        if (!fetch(heap.back(), until)) {
            heap.pop_back();
        }
    }
    const auto later = [](const Taken& a, const Taken& b) { return a.next.stamp > b.next.stamp; };
    std::make_heap(heap.begin(), heap.end(), later);
    while (!heap.empty()) {
        std::pop_heap(heap.begin(), heap.end(), later);
        store_next(heap.back());
        if (fetch(heap.back(), until)) {
            std::push_heap(heap.begin(), heap.end(), later);
        } else {
            heap.pop_back();
        }
    }
}

}  // namespace

ArenaState& arenas() {
    static auto* const state = new ArenaState;
    return *state;
}

void drain_arenas() {
    ArenaState& state = arenas();
    const bool waiting =
        std::any_of(state.sessions.begin(), state.sessions.end(), [](const auto& s) { return s->waiting(); });
    if (!waiting || state.draining || redis::AvoidReplicaTraffic() != 0 ||
        (redis::GetContextFlags(state.context) & redis::kFlagLoading) != 0) {
        return;
    }
    state.draining = true;
    try {
        drain_all();
    } catch (...) {  // no memory: what is left waits for the next command
        redis::Log(state.context, "warning", "no memory to take what clients have put into their arenas");
    }
    state.draining = false;
}

std::shared_ptr<ArenaMemory> find_arena(std::uint64_t token) {
    for (const auto& session : arenas().sessions) {
        if (session->memory != nullptr && !session->closed && session->token == token) {
            return session->memory;
        }
    }
    return nullptr;
}

ArenaStats arena_stats() {
    ArenaStats stats = arenas().stats;
    stats.clients = static_cast<std::uint64_t>(std::count_if(arenas().sessions.begin(), arenas().sessions.end(),
                                                             [](const auto& s) { return s->memory != nullptr; }));
    return stats;
}

void add_arena_info(redis::Info* info) {
    const ArenaStats stats = arena_stats();
    redis::InfoAddFieldULongLong(info, "arena_clients", stats.clients);
    redis::InfoAddFieldULongLong(info, "arena_bytes", ArenaMemory::total());
    redis::InfoAddFieldULongLong(info, "arena_puts", stats.puts);
    redis::InfoAddFieldULongLong(info, "arena_refused", stats.refused);
    redis::InfoAddFieldULongLong(info, "arena_fallbacks", stats.fallbacks);
    redis::InfoAddFieldULongLong(info, "arena_closed", stats.closed);
}

}  // namespace inferstep
