// Where Redis enters: the table of commands and what happens when the module is loaded.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "inferdb/arena.hpp"
#include "inferdb/args.hpp"
#include "inferdb/commands.hpp"
#include "inferdb/config_set.hpp"
#include "inferdb/engine.hpp"
#include "inferdb/info.hpp"
#include "inferdb/local_client.hpp"
#include "inferdb/model.hpp"
#include "inferdb/script.hpp"
#include "inferdb/settings.hpp"
#include "inferdb/tensor.hpp"

namespace inferstep {
namespace {

constexpr const char* kModuleName = "inferdb";

// No exception passes through Redis, which is C.
template <redis::Command function>
int guarded(redis::Context* context, redis::String** argv, int argc) noexcept {
    try {
        return function(context, argv, argc);
    } catch (...) {
        return redis::ReplyWithError(context, "ERR the server has no memory for this command");
    }
}

struct CommandEntry {
    const char* name;
    redis::Command function;
    const char* flags;
    int key;  // position of the first and only key that stands at a fixed place; 0: none
};

// "getkeys-api": more keys follow; the command itself tells Redis where. "write deny-oom": refused on replicas and
// beyond maxmemory.
constexpr CommandEntry kCommands[] = {
    {"ai.tensorset", guarded<command::tensor_set>, "write deny-oom", 1},
    {"ai.tensorget", guarded<command::tensor_get>, "readonly", 1},
    {"ai._arena", guarded<command::arena>, "readonly fast", 0},
    {"ai._arenaget", guarded<command::arena_get>, "readonly", 1},
    {"ai.modelstore", guarded<command::model_store>, "write deny-oom", 1},
    {"ai.modelset", guarded<command::model_set>, "write deny-oom", 1},
    {"ai._modelfile", guarded<command::model_file>, "write deny-oom admin", 1},
    {"ai.modelget", guarded<command::model_get>, "readonly", 1},
    {"ai.modeldel", guarded<command::model_del>, "write", 1},
    {"ai._modelscan", guarded<command::model_scan>, "readonly", 0},
    {"ai.modelexecute", guarded<command::model_execute>, "write deny-oom getkeys-api", 1},
    {"ai.modelrun", guarded<command::model_run>, "write deny-oom getkeys-api", 1},
    {"ai.scriptstore", guarded<command::script_store>, "write deny-oom", 1},
    {"ai.scriptset", guarded<command::script_set>, "write deny-oom", 1},
    {"ai.scriptget", guarded<command::script_get>, "readonly", 1},
    {"ai.scriptdel", guarded<command::script_del>, "write", 1},
    {"ai._scriptscan", guarded<command::script_scan>, "readonly", 0},
    {"ai.scriptexecute", guarded<command::script_execute>, "write deny-oom getkeys-api", 1},
    {"ai.scriptrun", guarded<command::script_run>, "write deny-oom getkeys-api", 1},
    {"ai._shard", guarded<command::shard>, "write deny-oom", 0},
    {"ai.dagexecute", guarded<command::dag_execute>, "write deny-oom getkeys-api", 0},
    {"ai.dagexecute_ro", guarded<command::dag_execute_ro>, "readonly getkeys-api", 0},
    {"ai.dagrun", guarded<command::dag_run>, "write deny-oom getkeys-api", 0},
    {"ai.dagrun_ro", guarded<command::dag_run_ro>, "readonly getkeys-api", 0},
    {"ai.info", guarded<command::info>, "readonly", 1},
    {"ai.config", guarded<command::config>, "admin", 0},
    {"ai._configset", guarded<command::config_set>, "admin deny-script", 0},
};

// Where this very file lies: libinferstep_torch.so is its neighbour.
std::string own_directory() {
    Dl_info self{};
    if (dladdr(reinterpret_cast<const void*>(&own_directory), &self) == 0 || self.dli_fname == nullptr) {
        return ".";
    }
    const std::string path = self.dli_fname;
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash);
}

// A database that is shut down while libtorch is being opened does not wait for it, which took up to a second: exit()
// destroys the thread's own objects first of all, and this one ends the process, before libtorch's static objects go
// while the loader thread still makes them.
bool g_shut_down = false;
struct Leaver {
    bool armed = false;
    ~Leaver() {
        if (armed && g_shut_down && engine().opening()) {
            std::fflush(nullptr);
            _exit(0);
        }
    }
};
thread_local Leaver t_leaver;

// Once Redis serves: while libtorch is being opened the dynamic linker is locked, and Redis needs it to start.
void on_first_turn(redis::Context*, void*) {
    t_leaver.armed = true;  // made now, because that needs the dynamic linker too
    engine().start(own_directory());
}

void on_shutdown(redis::Context*, redis::ServerEvent, std::uint64_t, void*) {
    stop_arenas();
    g_shut_down = true;
}

bool register_all(redis::Context* context) {
    if (!register_tensor_type(context) || !register_model_type(context) || !register_script_type(context) ||
        !register_config_filter(context)) {
        return false;
    }
    for (const CommandEntry& c : kCommands) {
        const int step = c.key == 0 ? 0 : 1;
        if (redis::CreateCommand(context, c.name, c.function, c.flags, c.key, c.key, step) != redis::kOk) {
            redis::Log(context, "warning", "command %s cannot be registered: is another AI module loaded?", c.name);
            return false;
        }
    }
    redis::SetModuleOptions(context, redis::kHandleIoErrors);
    redis::RegisterInfoFunc(context, add_info);
    redis::SubscribeToServerEvent(context, redis::kShutdownEvent, on_shutdown);
    if (settings().trust_socket) {
        trust_local_clients(context);
    }
    return true;
}

int load(redis::Context* context, redis::String** argv, int argc) {
    if (const char* missing = redis::bind_api(context); missing != nullptr) {
        std::fprintf(stderr, "inferdb: this Redis has no RedisModule_%s; Redis 7.0 or newer is needed\n", missing);
        return redis::kError;
    }
    if (redis::IsModuleNameBusy(kModuleName) != 0) {
        return redis::kError;
    }
    redis::SetModuleAttribs(context, kModuleName, 1, 1);
    std::vector<std::string_view> arguments;
    for (Args args(argv, argc, 0); args.more();) {
        arguments.push_back(args.text());
    }
    const auto parsed = parse_settings(arguments);
    if (!parsed) {
        redis::Log(context, "warning", "%s", parsed.error().message.c_str());
        return redis::kError;
    }
    settings() = *parsed;
    if (!register_all(context)) {
        return redis::kError;
    }
    if (const Status status = start_arenas(context); !status) {
        redis::Log(context, "warning", "%s", status.error().message.c_str());
        return redis::kError;
    }
    redis::CreateTimer(context, 0, on_first_turn, nullptr);
    redis::Log(context, "notice", "%d workers for each device, %d threads each", parsed->workers, parsed->threads);
    return redis::kOk;
}

}  // namespace
}  // namespace inferstep

// NOLINTNEXTLINE(readability-identifier-naming): Redis looks this name up
extern "C" __attribute__((visibility("default"))) int RedisModule_OnLoad(inferstep::redis::Context* context,
                                                                         inferstep::redis::String** argv, int argc) {
    return inferstep::load(context, argv, argc);
}
