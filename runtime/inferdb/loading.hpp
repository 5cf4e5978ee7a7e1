// Commands that store something which must be loaded before it can be used, models and scripts: the client waits while
// the loader thread works; Redis does not.
#pragma once

#include <functional>

#include "core/result.hpp"
#include "inferdb/api.hpp"

namespace inferstep {

struct Loading {
    const char* command;  // its name, for errors and replicas
    // Whether the key may hold it. On the main thread.
    std::function<Status(redis::Context*, redis::String* key)> check;
    // Whether the key holds the very same, loaded. With Redis' lock.
    std::function<bool(redis::Context*, redis::String* key)> is_there;
    std::function<Status()> load;  // on the loader thread
    // With Redis' lock. Called without load() where a command comes from a master or a file: what is repeated there has
    // been found good, and is loaded when it is first used.
    std::function<Status(redis::Context*, redis::String* key)> store;
};

// Answer the command in argv, whose first argument is the key: OK, or the first error.
int load_and_store(redis::Context* context, redis::String** argv, int argc, Loading loading);

}  // namespace inferstep
