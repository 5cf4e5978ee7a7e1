// Threads that work on one thing together: chunks are taken from a common counter, so that a thread whose CPU is busy
// with something else takes fewer. Between two pieces of work threads spin for some tens of microseconds, then sleep.
#pragma once

#include <memory>
#include <type_traits>

namespace inferstep::llm {

class Pool {
   public:
    // `threads` with the caller's own; the others are pinned to nothing, the process's mask holds.
    explicit Pool(int threads);
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    int threads() const;

    // Calls work(context, chunk, thread) for every chunk in 0 … chunks - 1, and returns when all are done.
    using Work = void (*)(void* context, int chunk, int thread);
    void run(int chunks, Work work, void* context);

    template <typename F>
    void each(int chunks, F&& f) {
        run(
            chunks,
            [](void* context, int chunk, int thread) {
                (*static_cast<std::remove_reference_t<F>*>(context))(chunk, thread);
            },
            const_cast<void*>(static_cast<const void*>(&f)));
    }

   private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace inferstep::llm
