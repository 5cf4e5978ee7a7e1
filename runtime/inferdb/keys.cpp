#include "inferdb/keys.hpp"

#include "core/log.hpp"

namespace inferstep {

int reply_error(redis::Context* context, const Error& error) {
    const bool has_code = error.message.starts_with("WRONGTYPE ") || error.message.starts_with("OOM ");
    return redis::ReplyWithError(context, ((has_code ? "" : "ERR ") + printable(error.message)).c_str());
}

bool may_block(redis::Context* context) {
    return (redis::GetContextFlags(context) & (redis::kFlagLua | redis::kFlagMulti | redis::kFlagDenyBlocking)) == 0;
}

}  // namespace inferstep
