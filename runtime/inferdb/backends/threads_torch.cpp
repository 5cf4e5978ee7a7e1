#include "inferdb/backends/threads_torch.hpp"

#include <ATen/Parallel.h>

namespace inferstep {
namespace {

thread_local int default_threads = 1;
thread_local int current_threads = 0;

}  // namespace

void set_thread_default(int threads) {
    default_threads = threads;
    use_threads(0);
}

void use_threads(int threads) {
    const int wanted = threads == 0 ? default_threads : threads;
    if (wanted != current_threads) {
        at::set_num_threads(wanted);
        current_threads = wanted;
    }
}

}  // namespace inferstep
