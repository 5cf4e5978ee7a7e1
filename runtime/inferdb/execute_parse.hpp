// What the commands that execute say: models and scripts, each in the counted form of RedisAI 1.2 and in the older one.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "inferdb/args.hpp"

namespace inferstep {

struct ExecuteForm {
    const char* command;
    bool script;   // a function of a script: it follows the key; INPUTS and OUTPUTS may be missing
    bool counted;  // each list is followed by how many words it has; else it ends at the next word of the command
};

inline constexpr ExecuteForm kExecuteForms[] = {
    {"AI.MODELEXECUTE", false, true},
    {"AI.MODELRUN", false, false},
    {"AI.SCRIPTEXECUTE", true, true},
    {"AI.SCRIPTRUN", true, false},
};

// The form of a command; null when it is none that executes.
const ExecuteForm* find_execute_form(std::string_view command);

// Positions of arguments, so that one reading serves the command and COMMAND GETKEYS.
struct ExecuteWords {
    int key = 0;
    int function = 0;  // of a script
    std::vector<int> keys;
    std::vector<int> inputs;
    std::vector<int> args;
    std::vector<int> outputs;
    std::optional<std::size_t> list_from;  // index of the first input behind `$`, which begins a List[Tensor]
    std::int64_t timeout_ms = 0;           // 0: none
};

constexpr std::int64_t kMaxTimeoutMs = 1'000'000'000'000;
// The number behind TIMEOUT.
Result<std::int64_t> read_timeout(Args& args);

// `args` begins with the key. Errors name the word and what is right.
Result<ExecuteWords> read_execute(Args args, const ExecuteForm& form);

}  // namespace inferstep
