#include "inferdb/keys.hpp"

#include <algorithm>
#include <iterator>

#include "core/log.hpp"

namespace inferstep {
namespace {

constexpr std::string_view kCodes[] = {"ERR ", "WRONGTYPE ", "OOM ", "BUSY ", "TIMEOUT "};

}  // namespace

int reply_error(redis::Context* context, const Error& error) {
    const bool has_code = std::any_of(std::begin(kCodes), std::end(kCodes),
                                      [&](std::string_view code) { return error.message.starts_with(code); });
    return redis::ReplyWithError(context, ((has_code ? "" : "ERR ") + printable(error.message)).c_str());
}

int reply_outcome(redis::Context* context, const Status& status) {
    return status ? redis::ReplyWithSimpleString(context, "OK") : reply_error(context, status.error());
}

Status check_may_block(redis::Context* context, const char* command) {
    constexpr int kMayNot = redis::kFlagLua | redis::kFlagMulti | redis::kFlagDenyBlocking;
    return (redis::GetContextFlags(context) & kMayNot) == 0
               ? Status::ok()
               : Status(fail("{} waits for a worker: it cannot stand in MULTI or a script", command));
}

}  // namespace inferstep
