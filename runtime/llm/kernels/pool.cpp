#include "llm/kernels/pool.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "core/quiet_thread.hpp"

namespace inferstep::llm {
namespace {

// Longer than the gap between two pieces of work of one layer, shorter than what another process would miss.
constexpr auto kSpin = std::chrono::microseconds(40);
constexpr int kMaxChunks = (1 << 20) - 1;

void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t seen) {
    syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
}

void futex_wake(std::atomic<std::uint32_t>& word) {
    syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE_PRIVATE, 1 << 20, nullptr, nullptr, 0);
}

// Until `done()`, at most kSpin. The clock is asked now and then only.
template <typename Done>
bool spin(Done&& done) {
    const auto end = std::chrono::steady_clock::now() + kSpin;
    do {
        for (int i = 0; i < 64; ++i) {
            if (done()) {
                return true;
            }
            pause();
        }
    } while (std::chrono::steady_clock::now() < end);
    return false;
}

// Chunks that a thread has before it: one word, so that one compare-and-swap takes a chunk of this piece of work and
// of no other. 24 bits count the pieces of work, 20 each the next chunk and the end.
struct alignas(128) Share {
    std::atomic<std::uint64_t> word{0};
};

constexpr std::uint64_t share_word(std::uint32_t piece, int next, int end) {
    return (std::uint64_t{piece & 0xffffffU} << 40U) | (static_cast<std::uint64_t>(next) << 20U) |
           static_cast<std::uint64_t>(end);
}
constexpr std::uint32_t piece_of(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 40U); }
constexpr int next_of(std::uint64_t word) { return static_cast<int>((word >> 20U) & 0xfffffU); }
constexpr int end_of(std::uint64_t word) { return static_cast<int>(word & 0xfffffU); }

// The threads of a domain: first … end - 1.
struct Neighbours {
    int first = 0;
    int end = 0;
};

std::vector<Neighbours> neighbours_of(const std::vector<CpuSet>& cpus, int threads) {
    std::vector<Neighbours> all(static_cast<std::size_t>(threads), {0, threads});
    for (std::size_t first = 0, end = 0; first < cpus.size(); first = end) {
        while (end < cpus.size() && cpus[end] == cpus[first]) {
            ++end;
        }
        std::fill(all.begin() + static_cast<std::ptrdiff_t>(first), all.begin() + static_cast<std::ptrdiff_t>(end),
                  Neighbours{static_cast<int>(first), static_cast<int>(end)});
    }
    return all;
}

// The next chunk of a share, or -1.
int take(Share& share, std::uint32_t piece) {
    std::uint64_t word = share.word.load(std::memory_order_acquire);
    while (piece_of(word) == (piece & 0xffffffU) && next_of(word) < end_of(word)) {
        if (share.word.compare_exchange_weak(word, word + (std::uint64_t{1} << 20U), std::memory_order_acq_rel,
                                             std::memory_order_acquire)) {
            return next_of(word);
        }
    }
    return -1;
}

}  // namespace

struct Pool::State {
    explicit State(int count) : shares(static_cast<std::size_t>(count)), neighbours(neighbours_of({}, count)) {}

    void publish(int chunks, Work new_work, void* new_context, Reach new_reach);
    std::uint32_t work_off(int owner, std::uint32_t seen, int thread);
    void help(std::uint32_t seen, int thread);
    void wait_for_all();
    void serve(int thread);

    std::vector<Share> shares;
    std::vector<Neighbours> neighbours;  // of each thread
    std::vector<std::thread> threads;
    bool pinned = false;
    CpuSet before;        // the caller's mask
    Work work = nullptr;  // written before a piece of work is published; read by who has a chunk of it
    void* context = nullptr;
    std::atomic<Reach> reach{Reach::kAll};             // read also by who comes late and finds nothing
    alignas(128) std::atomic<std::uint32_t> piece{0};  // counts the pieces of work; the threads wait on it
    std::atomic<std::uint32_t> sleepers{0};
    std::atomic<bool> stopping{false};
    alignas(128) std::atomic<std::uint32_t> left{0};  // chunks that are not done; the caller waits on it
    std::atomic<bool> caller_sleeps{false};
};

void Pool::State::publish(int chunks, Work new_work, void* new_context, Reach new_reach) {
    work = new_work;
    context = new_context;
    reach.store(new_reach, std::memory_order_relaxed);
    left.store(static_cast<std::uint32_t>(chunks), std::memory_order_relaxed);
    const std::uint32_t next = piece.load(std::memory_order_relaxed) + 1;
    const auto count = static_cast<std::int64_t>(shares.size());
    for (std::int64_t i = 0; i < count; ++i) {
        const auto first = static_cast<int>(chunks * i / count);
        const auto last = static_cast<int>(chunks * (i + 1) / count);
        shares[static_cast<std::size_t>(i)].word.store(share_word(next, first, last), std::memory_order_release);
    }
    piece.store(next, std::memory_order_seq_cst);
    if (sleepers.load(std::memory_order_seq_cst) > 0) {
        futex_wake(piece);
    }
}

std::uint32_t Pool::State::work_off(int owner, std::uint32_t seen, int thread) {
    Share& share = shares[static_cast<std::size_t>(owner)];
    std::uint32_t done = 0;
    for (int chunk = take(share, seen); chunk >= 0; chunk = take(share, seen)) {
        work(context, chunk, thread);
        ++done;
    }
    return done;
}

// A thread works through its own share, which lies together in memory, then through what its neighbours have left, and
// last through what lies in other domains.
void Pool::State::help(std::uint32_t seen, int thread) {
    const auto count = static_cast<int>(shares.size());
    const auto [first, end] = neighbours[static_cast<std::size_t>(thread)];
    std::uint32_t done = 0;
    for (int i = 0; i < end - first; ++i) {
        done += work_off(first + (thread - first + i) % (end - first), seen, thread);
    }
    const int far = reach.load(std::memory_order_relaxed) == Reach::kAll ? count - (end - first) : 0;
    for (int i = 0; i < far; ++i) {
        done += work_off((end + i) % count, seen, thread);
    }
    // Nothing of this object's piece of work may be touched after the last chunk is given back.
    if (done > 0 && left.fetch_sub(done, std::memory_order_seq_cst) == done &&
        caller_sleeps.load(std::memory_order_seq_cst)) {
        futex_wake(left);
    }
}

void Pool::State::wait_for_all() {
    const auto all_done = [this] { return left.load(std::memory_order_acquire) == 0; };
    if (spin(all_done)) {
        return;
    }
    caller_sleeps.store(true, std::memory_order_seq_cst);
    for (std::uint32_t seen = left.load(std::memory_order_seq_cst); seen != 0;
         seen = left.load(std::memory_order_seq_cst)) {
        futex_wait(left, seen);
    }
    caller_sleeps.store(false, std::memory_order_relaxed);
}

void Pool::State::serve(int thread) {
    std::uint32_t seen = 0;
    while (!stopping.load(std::memory_order_acquire)) {
        const auto is_new = [this, seen] { return piece.load(std::memory_order_acquire) != seen; };
        if (!spin(is_new)) {
            sleepers.fetch_add(1, std::memory_order_seq_cst);
            while (piece.load(std::memory_order_seq_cst) == seen) {
                futex_wait(piece, seen);
            }
            sleepers.fetch_sub(1, std::memory_order_relaxed);
        }
        seen = piece.load(std::memory_order_acquire);
        help(seen, thread);
    }
}

Pool::Pool(int threads, const std::vector<CpuSet>& cpus) : state_(std::make_unique<State>(std::max(1, threads))) {
    State& state = *state_;
    if (cpus.size() == state.shares.size() && get_affinity(0, state.before)) {
        // All are tried before there is a thread: pinned halfway would be worse than not.
        state.pinned = std::all_of(cpus.begin(), cpus.end(), [](const CpuSet& set) { return set_affinity(0, set); });
        if (!state.pinned) {
            set_affinity(0, state.before);
        }
    }
    if (state.pinned) {
        state.neighbours = neighbours_of(cpus, this->threads());
    }
    for (int i = 1; i < threads; ++i) {
        if (state.pinned) {  // a thread has the mask of who starts it, for its stack as well
            set_affinity(0, cpus[static_cast<std::size_t>(i)]);
        }
        state.threads.push_back(quiet_thread([&state, i] { state.serve(i); }));
    }
    if (state.pinned) {
        set_affinity(0, cpus.front());
    }
}

Pool::~Pool() {
    state_->stopping.store(true, std::memory_order_release);
    state_->publish(0, nullptr, nullptr, Reach::kAll);
    for (std::thread& thread : state_->threads) {
        thread.join();
    }
    if (state_->pinned) {
        set_affinity(0, state_->before);
    }
}

int Pool::threads() const { return static_cast<int>(state_->shares.size()); }

bool Pool::pinned() const { return state_->pinned; }

void Pool::run(int chunks, Work work, void* context, Reach reach) {
    if (chunks > kMaxChunks) {  // what one word counts; nobody has so many
        struct Part {
            Work work;
            void* context;
            int first;
        };
        for (int first = 0; first < chunks; first += kMaxChunks) {
            Part part{work, context, first};
            run(
                std::min(kMaxChunks, chunks - first),
                [](void* given, int chunk, int thread) {
                    const auto* self = static_cast<const Part*>(given);
                    self->work(self->context, self->first + chunk, thread);
                },
                &part, reach);
        }
        return;
    }
    if (chunks <= 1 || state_->threads.empty()) {
        for (int chunk = 0; chunk < chunks; ++chunk) {
            work(context, chunk, 0);
        }
        return;
    }
    state_->publish(chunks, work, context, reach);
    state_->help(state_->piece.load(std::memory_order_relaxed), 0);
    state_->wait_for_all();
}

}  // namespace inferstep::llm
