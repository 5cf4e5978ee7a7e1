// How many threads libtorch uses inside one operation. It counts them for each thread that calls it.
#pragma once

namespace inferstep {

// Of executions on the calling thread that do not say otherwise.
void set_thread_default(int threads);

// Before an execution on the calling thread; 0: the default.
void use_threads(int threads);

}  // namespace inferstep
