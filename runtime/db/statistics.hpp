// What a database counted, read from its INFO at the end of a step.
#pragma once

#include <string_view>

#include "core/json.hpp"
#include "core/result.hpp"
#include "db/ask.hpp"

namespace inferstep {

Result<Json> collect_statistics(client::Connection& connection, client::Deadline deadline);

// What is kept of INFO's text: memory, connections, commands (calls, time, errors), and what the module counted, in all
// and for every model.
Json summarize_info(std::string_view text);

}  // namespace inferstep
