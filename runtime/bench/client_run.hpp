// `inferstep client` as a whole: its clients, their records, their common summary.
#pragma once

#include <cstdint>

#include "bench/client_options.hpp"
#include "core/result.hpp"
#include "core/step.hpp"

namespace inferstep {

// Run the clients of this task: one as the rank `id`, or, with options.clients_per_node, this task's share of them as
// processes forked here and numbered node by node; must be called before there is any thread. Each connects, loops and
// leaves its records; rank 0 then waits for the others' summaries and prints the whole. `began_ns`: when the program
// began. Returns the exit code: 0, or 1 when a call failed, an answer was wrong or a record could not be written (the
// sentence is on stderr by then). The error: options that do not fit this step; nothing has been done.
Result<int> run_clients(const ClientOptions& options, const StepIdentity& id, std::int64_t began_ns);

}  // namespace inferstep
