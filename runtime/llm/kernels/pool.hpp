// Threads that work on one thing together: chunks are taken from a common counter, so that a thread whose CPU is busy
// with something else takes fewer. Between two pieces of work threads spin for some tens of microseconds, then sleep.
#pragma once

#include <memory>
#include <type_traits>
#include <vector>

#include "core/cpuset.hpp"

namespace inferstep::llm {

class Pool {
   public:
    // `threads` with the caller's own, which is the one that constructs the pool. `cpus`: those of each thread; threads
    // with the same ones follow each other and are of one domain. Without, or where the system refuses one of them, no
    // thread is pinned, the process's mask holds. The caller has its own mask again when the pool is gone.
    explicit Pool(int threads, const std::vector<CpuSet>& cpus = {});
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    int threads() const;
    bool pinned() const;

    // Whose chunks a thread takes when its own are done. kDomain is for who writes memory first: it lies where that
    // thread runs, and the threads near it are to find it there.
    enum class Reach { kAll, kDomain };

    // Calls work(context, chunk, thread) for every chunk in 0 … chunks - 1, and returns when all are done.
    using Work = void (*)(void* context, int chunk, int thread);
    void run(int chunks, Work work, void* context, Reach reach = Reach::kAll);

    template <typename F>
    void each(int chunks, F&& f, Reach reach = Reach::kAll) {
        run(
            chunks,
            [](void* context, int chunk, int thread) {
                (*static_cast<std::remove_reference_t<F>*>(context))(chunk, thread);
            },
            const_cast<void*>(static_cast<const void*>(&f)), reach);
    }

   private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace inferstep::llm
