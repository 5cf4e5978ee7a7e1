// AI._SHARD command word…: run a command whose keys lie in several slots of this shard.
//
// Redis Cluster refuses a command whose keys have different slots, even where all are slots of one shard: a model and
// the tensors that it is to run on always have. This command names no keys to Redis, which therefore executes it where
// it was sent to, and looks itself whether each key lies here.
#include <array>

#include "core/log.hpp"
#include "inferdb/args.hpp"
#include "inferdb/commands.hpp"
#include "inferdb/keys.hpp"

namespace inferstep::command {
namespace {

struct Runner {
    const char* name;
    redis::Command function;
};
constexpr std::array kRunners{
    Runner{"AI.MODELEXECUTE", model_execute},   Runner{"AI.MODELRUN", model_run},
    Runner{"AI.SCRIPTEXECUTE", script_execute}, Runner{"AI.SCRIPTRUN", script_run},
    Runner{"AI.DAGEXECUTE", dag_execute},       Runner{"AI.DAGRUN", dag_run},
};

const Runner* find_runner(std::string_view name) {
    for (const Runner& runner : kRunners) {
        if (same_word(name, runner.name)) {
            return &runner;
        }
    }
    return nullptr;
}

// What the user may not do directly is not allowed this way either.
bool is_allowed(Context* context, String** argv, int argc) {
    String* name = redis::GetCurrentUserName(context);
    redis::User* user = redis::GetModuleUserFromUserName(name);
    const bool allowed = user != nullptr && redis::ACLCheckCommandPermissions(user, argv, argc) == redis::kOk;
    if (user != nullptr) {
        redis::FreeModuleUser(user);
    }
    redis::FreeString(context, name);
    return allowed;
}

// Redis calls no command for us whose key is another shard's, or on its way to another shard and no longer here.
bool lies_here(Context* context, String* key) {
    redis::CallReply* reply = redis::Call(context, "EXISTS", "s", key);
    if (reply == nullptr) {
        return false;
    }
    redis::FreeCallReply(reply);
    return true;
}

// The first key that another shard has; nullptr when all lie here.
String* find_elsewhere(Context* context, String** argv, int argc) {
    int count = 0;
    int* positions = redis::GetCommandKeys(context, argv, argc, &count);
    String* elsewhere = nullptr;
    for (int i = 0; i < count && elsewhere == nullptr; ++i) {
        elsewhere = lies_here(context, argv[positions[i]]) ? nullptr : argv[positions[i]];
    }
    if (positions != nullptr) {
        redis::Free(positions);
    }
    return elsewhere;
}

}  // namespace

int shard(Context* context, String** argv, int argc) {
    if (argc < 3) {
        return redis::WrongArity(context);
    }
    const Runner* runner = find_runner(text_of(argv[1]));
    if (runner == nullptr) {
        return reply_error(context, fail("{} is no command that AI._SHARD runs", text_of(argv[1]).substr(0, 64)));
    }
    if (!is_allowed(context, argv + 1, argc - 1)) {
        return redis::ReplyWithError(context, "NOPERM this user has no permissions to run the command on its keys");
    }
    if ((redis::GetContextFlags(context) & redis::kFlagCluster) != 0) {
        if (const String* key = find_elsewhere(context, argv + 1, argc - 1); key != nullptr) {
            const std::string text = fmt::format("CROSSSHARD key {} does not lie on this shard", text_of(key));
            return redis::ReplyWithError(context, printable(text).c_str());
        }
    }
    return runner->function(context, argv + 1, argc - 1);
}

}  // namespace inferstep::command
