#include "inferdb/api.hpp"

namespace inferstep::redis {

const char* bind_api(Context* context) {
    // The first word of the context that a module is loaded with is the function that looks names up.
    using Lookup = int (*)(const char* name, void* pointer);
    const Lookup lookup = *reinterpret_cast<Lookup*>(context);
// NOLINTBEGIN(bugprone-macro-parentheses): an argument is a name
#define INFERDB_BIND(result, name, arguments)                                  \
    if (lookup("RedisModule_" #name, reinterpret_cast<void*>(&name)) != kOk) { \
        return #name;                                                          \
    }
    INFERDB_REDIS_FUNCTIONS(INFERDB_BIND)
#undef INFERDB_BIND
    // NOLINTEND(bugprone-macro-parentheses)
    return nullptr;
}

}  // namespace inferstep::redis
