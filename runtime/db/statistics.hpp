// What a database counted, read from its INFO and AI.INFO at the end of a step.
#pragma once

#include <string_view>

#include "core/json.hpp"
#include "core/result.hpp"
#include "db/ask.hpp"

namespace inferstep {

// Commands (calls, time, errors), memory, connections, and for every stored model what the module counted.
Result<Json> collect_statistics(client::Connection& connection, client::Deadline deadline);

// The parts of INFO that are kept: commands, memory, connections, and the fields of the module, in `text`.
Json summarize_info(std::string_view text);

}  // namespace inferstep
