// What AI.DAGEXECUTE, AI.DAGRUN and their forms for reading say, by positions of arguments.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "inferdb/api.hpp"
#include "inferdb/args.hpp"

namespace inferstep {

struct DagForm {
    const char* command;
    bool read_only;  // stores nothing
    bool old;        // with MODELRUN and SCRIPTRUN, without ROUTING
};

inline constexpr DagForm kDagForms[] = {
    {"AI.DAGEXECUTE", false, false},
    {"AI.DAGEXECUTE_RO", true, false},
    {"AI.DAGRUN", false, true},
    {"AI.DAGRUN_RO", true, true},
};

constexpr std::size_t kMaxDagCommands = 1024;

struct DagWords {
    struct Command {
        int first;  // its name
        int end;    // behind its last argument
    };
    std::vector<int> load;
    std::vector<int> persist;
    int routing = 0;  // a key; 0: none
    std::int64_t timeout_ms = 0;
    std::vector<Command> commands;  // at least one, none of them empty
};

// `args` begins behind the command's name. Errors name the word and what is right.
Result<DagWords> read_dag(Args args, const DagForm& form);

}  // namespace inferstep
