// The memory that libtorch takes for tensors on the host, weights and everything in between: counted, and bounded.
#pragma once

#include <cstddef>

namespace inferstep {

// From now on; 0: no bound. A request beyond it throws c10::Error, which ends the execution that asked. Before libtorch
// is used by a second thread.
void bound_memory(std::size_t bytes);

std::size_t memory_in_use();  // bytes; 0 before bound_memory()

}  // namespace inferstep
