// Programs that are run for what they print: found in PATH, started by spawn(), read through pipes, bounded in time.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"

namespace inferstep {

struct Captured {
    int exit_code = 0;  // of the program; 128 + signal when a signal ended it
    std::string out;    // its standard output
    std::string err;    // its standard error
};

// The absolute path of a program: `name` itself when it has a slash, else its first executable match in PATH, else in
// /usr/bin. Error: it is nowhere.
Result<std::string> find_program(const std::string& name);

// Run argv[0] (a name or a path) with our environment and collect what it prints. The program is killed when it takes
// longer than `timeout_ms`. Error: it cannot be started, or took too long. A non-zero exit code is not an Error.
Result<Captured> run_capture(const std::vector<std::string>& argv, int timeout_ms);

// Our own command line, word by word.
std::vector<std::string> own_command();

// "exit code 3" or "signal 9 (Killed)", from a wait status.
std::string describe_exit(int wait_status);

// The arguments as execve wants them; valid as long as `words` is neither changed nor moved.
std::vector<char*> as_argv(std::vector<std::string>& words);

}  // namespace inferstep
