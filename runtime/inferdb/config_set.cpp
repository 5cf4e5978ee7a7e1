#include "inferdb/config_set.hpp"

#include <algorithm>

#include "inferdb/args.hpp"
#include "inferdb/commands.hpp"
#include "inferdb/keys.hpp"

namespace inferstep {
namespace {

constexpr std::string_view kOwnName = "AI._CONFIGSET";

// How Redis treats what it holds, and what it tells: nothing that opens a port, names a file, ends the bound on memory
// or locks others out. inferstep-wire(7) documents the list.
constexpr std::string_view kAllowed[] = {
    "active-expire-effort",    "busy-reply-threshold",        "hash-max-listpack-entries",
    "hash-max-listpack-value", "latency-monitor-threshold",   "latency-tracking",
    "list-compress-depth",     "list-max-listpack-size",      "loglevel",
    "lua-time-limit",          "maxmemory-eviction-tenacity", "maxmemory-policy",
    "maxmemory-samples",       "slowlog-log-slower-than",     "slowlog-max-len",
};

bool is_allowed(std::string_view parameter) {
    return std::any_of(std::begin(kAllowed), std::end(kAllowed),
                       [&](std::string_view known) { return same_word(parameter, known); });
}

// CONFIG SET with pairs of listed parameters and values, and nothing else.
void filter(redis::FilterContext* context) {
    const int count = redis::CommandFilterArgsCount(context);
    const auto word = [&](int at) { return text_of(redis::CommandFilterArgGet(context, at)); };
    if (count < 4 || count % 2 != 0 || !same_word(word(0), "CONFIG") || !same_word(word(1), "SET")) {
        return;
    }
    for (int at = 2; at < count; at += 2) {
        if (!is_allowed(word(at))) {
            return;
        }
    }
    redis::CommandFilterArgReplace(context, 0, redis::CreateString(nullptr, kOwnName.data(), kOwnName.size()));
}

}  // namespace

bool register_config_filter(redis::Context* context) {
    return redis::RegisterCommandFilter(context, filter, redis::kFilterNotSelf) != nullptr;
}

// AI._CONFIGSET SET parameter value [parameter value]…
int command::config_set(Context* context, String** argv, int argc) {
    if (argc < 4 || argc % 2 != 0) {
        return redis::WrongArity(context);
    }
    for (int at = 2; at < argc; at += 2) {
        if (!is_allowed(text_of(argv[at]))) {
            return reply_error(context, fail("clients may not set {}", text_of(argv[at]).substr(0, 64)));
        }
    }
    redis::CallReply* reply =
        redis::Call(context, "CONFIG", "cvE", "SET", argv + 2, static_cast<std::size_t>(argc - 2));
    if (reply == nullptr) {
        return reply_error(context, fail("CONFIG SET cannot be called here"));
    }
    const int status = redis::ReplyWithCallReply(context, reply);
    redis::FreeCallReply(reply);
    return status;
}

}  // namespace inferstep
