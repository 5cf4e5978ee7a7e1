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

bool may_block(redis::Context* context) {
    return (redis::GetContextFlags(context) & (redis::kFlagLua | redis::kFlagMulti | redis::kFlagDenyBlocking)) == 0;
}

}  // namespace inferstep
