// A stand-in for redis-server in one process: it gives the module the functions of its table (inferdb/api.hpp), keeps
// keys, lets clients wait, and checks what Redis would trust the module to do right. What is wrong aborts:
// a reply of the wrong structure or of several lines, a client that is never answered, strings that nobody frees.
#pragma once

#include <string>
#include <vector>

namespace inferstep::fuzz {

// Load the module; once, before anything else. Aborts when it refuses.
void start_host(const std::vector<std::string>& arguments);

// Execute a command. A first word that begins with one of these says how:
//   &  the next command does not wait for its end      *  inside MULTI      ~  from a script
//   ^  from a primary or the append-only file          -  the client goes away at once
// Two words are the host's own: RDB-LOAD key type bytes, and SET key (which makes a plain string).
void execute(const std::vector<std::string>& words);

// Wait until everybody has been answered, write every key to an image and read it back, delete all, and see that
// nothing is left.
void finish();

}  // namespace inferstep::fuzz
