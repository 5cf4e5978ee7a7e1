// The step of a call that AI.MODELEXECUTE, AI.SCRIPTEXECUTE or an older form of them asks for.
#pragma once

#include "core/result.hpp"
#include "inferdb/api.hpp"
#include "inferdb/call.hpp"
#include "inferdb/execute_parse.hpp"

namespace inferstep {

// Find the model or script and check what the command says of it. The step has no places yet.
Result<Step> make_step(redis::Context* context, redis::String** argv, const ExecuteWords& words,
                       const ExecuteForm& form);

// The keys of the database that the command names besides inputs and outputs, for COMMAND GETKEYS.
void report_target_keys(redis::Context* context, const ExecuteWords& words);

}  // namespace inferstep
