#include "redis_functions.hpp"

#include <cstdarg>
#include <cstring>
#include <string_view>

namespace inferstep::fuzz {
namespace {

using namespace redis;

constexpr std::size_t kLargestAllocation = 64U << 20U;

void check_line(const char* text) {
    if (std::strpbrk(text, "\r\n") != nullptr) {
        wrong("a reply of one line has several:", text);
    }
}
int reply_value(Context* context) {
    context->reply.value();
    return kOk;
}
void append(Io* io, std::string_view bytes) { io->bytes.append(bytes); }

// Each function under its own name; the table below finds them. Those of which only the fact of the call matters do
// nothing.
struct Functions {
    static int CreateCommand(Context*, const char* name, Command function, const char* flags, int key, int, int) {
        server().commands[name] = {function, flags, key};
        return kOk;
    }
    static void SetModuleAttribs(Context*, const char*, int, int) {}
    static int IsModuleNameBusy(const char*) { return 0; }
    static void SetModuleOptions(Context*, int) {}
    static Type* CreateDataType(Context*, const char* name, int encoding, TypeMethods* methods) {
        return server().types[name] = new Type{name, encoding, *methods};
    }
    static redis::Key* OpenKey(Context*, String* name, int mode) {
        const bool exists = server().keys.count(name->text) != 0;
        return exists || (mode & kWrite) != 0 ? new redis::Key{name->text, mode} : nullptr;
    }
    static void CloseKey(redis::Key* key) { delete key; }
    static int KeyType(redis::Key* key) {
        const auto found = key == nullptr ? server().keys.end() : server().keys.find(key->name);
        return found == server().keys.end() ? kKeyEmpty : found->second.type == nullptr ? 1 : kKeyModule;
    }
    static int DeleteKey(redis::Key* key) {
        if ((key->mode & kWrite) == 0) {
            wrong("a key opened for reading is deleted");
        }
        drop(server().keys[key->name]);
        server().keys.erase(key->name);
        return kOk;
    }
    static int ModuleTypeSetValue(redis::Key* key, Type* type, void* value) {
        if (key == nullptr || (key->mode & kWrite) == 0) {
            wrong("a key opened for reading is written");
        }
        Value& old = server().keys[key->name];
        drop(old);
        old = {type, value};
        return kOk;
    }
    static Type* ModuleTypeGetType(redis::Key* key) { return server().keys[key->name].type; }
    static void* ModuleTypeGetValue(redis::Key* key) { return server().keys[key->name].data; }

    static const char* StringPtrLen(const String* string, std::size_t* length) {
        if (length != nullptr) {
            *length = string->text.size();
        }
        return string->text.data();
    }
    static String* CreateString(Context*, const char* text, std::size_t size) { return make_string({text, size}); }
    static String* HoldString(Context*, String* string) {
        ++string->references;
        return string;
    }
    static void FreeString(Context*, String* string) { free_string(string); }

    static int ReplyWithLongLong(Context* context, long long) { return reply_value(context); }
    static int ReplyWithDouble(Context* context, double) { return reply_value(context); }
    static int ReplyWithError(Context* context, const char* text) {
        check_line(text);
        return reply_value(context);
    }
    static int ReplyWithSimpleString(Context* context, const char* text) {
        check_line(text);
        return reply_value(context);
    }
    static int ReplyWithStringBuffer(Context* context, const char* data, std::size_t size) {
        volatile char last = size == 0 ? '\0' : data[size - 1];  // every byte must be there to be read
        for (std::size_t i = 0; i < size; i += 64) {
            last = data[i];
        }
        static_cast<void>(last);
        return reply_value(context);
    }
    static int ReplyWithArray(Context* context, long length) {
        context->reply.array(length);
        return kOk;
    }
    static void ReplySetArrayLength(Context* context, long length) { context->reply.set_length(length); }
    static int ReplyWithNull(Context* context) { return reply_value(context); }
    static int WrongArity(Context* context) { return reply_value(context); }
    static int Replicate(Context*, const char*, const char*, ...) { return kOk; }
    static int ReplicateVerbatim(Context*) { return kOk; }
    static int ReplyWithCallReply(Context* context, CallReply*) { return reply_value(context); }

    static Blocked* BlockClient(Context* context, Command reply, Command, Release release, long long) {
        if ((context->flags & (kFlagLua | kFlagMulti | kFlagDenyBlocking)) != 0 || context->blocked != nullptr) {
            wrong("a client is blocked that cannot wait");
        }
        return context->blocked = new Blocked{reply, release};
    }
    static int UnblockClient(Blocked* client, void* data) {
        const std::lock_guard lock(server().answers);
        if (client->answered) {
            wrong("a client is answered twice");
        }
        client->answered = true;
        client->data = data;
        server().answered.notify_all();
        return kOk;
    }
    static void SetDisconnectCallback(Blocked* client, Disconnected callback) { client->disconnected = callback; }
    static void* GetBlockedClientPrivateData(Context* context) { return context->private_data; }
    static Context* GetThreadSafeContext(Blocked*) { return new Context; }
    static void FreeThreadSafeContext(Context* context) { delete context; }
    static void ThreadSafeContextLock(Context*) { server().turn.lock(); }
    static void ThreadSafeContextUnlock(Context*) { server().turn.unlock(); }

    static int IsKeysPositionRequest(Context* context) { return context->wants_keys ? 1 : 0; }
    static void KeyAtPos(Context* context, int position) { context->keys.push_back(position); }
    static int* GetCommandKeys(Context*, String** argv, int argc, int* count) {
        *count = 0;
        const auto found = server().commands.find(argv[0]->text);
        Context asked;
        asked.wants_keys = true;
        if (found != server().commands.end() && found->second.flags.find("getkeys") != std::string::npos) {
            found->second.function(&asked, argv, argc);
        }
        auto* positions = static_cast<int*>(std::malloc((asked.keys.size() + 1) * sizeof(int)));
        for (const int key : asked.keys) {
            positions[(*count)++] = key;
        }
        return positions;
    }
    static CallReply* Call(Context*, const char*, const char*, ...) { return new CallReply; }
    static void FreeCallReply(CallReply* reply) { delete reply; }
    static String* GetCurrentUserName(Context*) { return make_string("default"); }
    static User* GetModuleUserFromUserName(String*) { return new User; }
    static int ACLCheckCommandPermissions(User*, String**, int) { return kOk; }
    static void FreeModuleUser(User* user) { delete user; }
    static int GetContextFlags(Context* context) { return context->flags; }
    static float GetUsedMemoryRatio() { return 0; }

    static TimerId CreateTimer(Context*, long long, TimerFired fired, void* data) {
        server().timers[server().next_timer] = {fired, data};
        return server().next_timer++;
    }
    static int StopTimer(Context*, TimerId id, void**) { return server().timers.erase(id) != 0 ? kOk : kError; }
    static Cursor* ScanCursorCreate() { return new Cursor; }
    static void ScanCursorDestroy(Cursor* cursor) { delete cursor; }
    static int Scan(Context* context, Cursor*, Scanned seen, void* data) {
        for (const auto& [name, value] : server().keys) {
            String* text = make_string(name);
            seen(context, text, nullptr, data);
            free_string(text);
        }
        return 0;
    }
    static int SubscribeToServerEvent(Context*, ServerEvent, EventSeen) { return kOk; }
    static Filter* RegisterCommandFilter(Context*, Filtered filter, int) {
        static Filter only;
        server().filter = filter;
        return &only;
    }
    static int UnregisterCommandFilter(Context*, Filter*) { return kOk; }
    static Context* GetDetachedThreadSafeContext(Context* context) { return context; }
    static int EventLoopAdd(int, int, FdReady, void*) { return kError; }
    static int EventLoopDel(int, int) { return kOk; }
    static int SubscribeToKeyspaceEvents(Context*, int, KeyChanged) { return kOk; }
    static int NotifyKeyspaceEvent(Context*, int, const char*, String*) { return kOk; }
    static int AvoidReplicaTraffic() { return 0; }
    static ServerInfo* GetServerInfo(Context*, const char*) { return nullptr; }
    static void FreeServerInfo(Context*, ServerInfo*) {}
    static unsigned long long ServerInfoGetFieldUnsigned(ServerInfo*, const char*, int*) { return 0; }
    static int CommandFilterArgsCount(FilterContext* context) { return static_cast<int>(context->words.size()); }
    static String* CommandFilterArgGet(FilterContext* context, int at) {
        return context->words.at(static_cast<std::size_t>(at));
    }
    static int CommandFilterArgReplace(FilterContext* context, int at, String* owned) {
        free_string(context->words.at(static_cast<std::size_t>(at)));
        context->words[static_cast<std::size_t>(at)] = owned;
        return kOk;
    }

    static void SaveUnsigned(Io* io, std::uint64_t n) { append(io, {reinterpret_cast<const char*>(&n), sizeof n}); }
    static std::uint64_t LoadUnsigned(Io* io) {
        std::uint64_t n = 0;
        io->error = io->error || io->bytes.size() - io->at < sizeof n;
        if (!io->error) {
            std::memcpy(&n, io->bytes.data() + io->at, sizeof n);
            io->at += sizeof n;
        }
        return n;
    }
    static void SaveStringBuffer(Io* io, const char* data, std::size_t size) {
        SaveUnsigned(io, size);
        append(io, {data, size});
    }
    static char* LoadStringBuffer(Io* io, std::size_t* length) {
        const std::uint64_t size = LoadUnsigned(io);
        io->error = io->error || size > io->bytes.size() - io->at;
        if (io->error) {
            return nullptr;
        }
        auto* copy = static_cast<char*>(std::malloc(size + 1));
        std::memcpy(copy, io->bytes.data() + io->at, size);
        io->at += size;
        *length = size;
        return copy;
    }
    static int IsIOError(Io* io) { return io->error ? 1 : 0; }
    static const String* GetKeyNameFromIO(Io* io) { return &io->name; }
    static void LogIOError(Io*, const char*, const char*, ...) {}
    static void EmitAOF(Io*, const char*, const char*, ...) {}
    static void* TryAlloc(std::size_t bytes) { return bytes > kLargestAllocation ? nullptr : std::malloc(bytes); }
    static void Free(void* p) { std::free(p); }
    static void Log(Context*, const char*, const char*, ...) {}
    static int RegisterInfoFunc(Context*, void (*info)(Info*, int)) {
        server().info = info;
        return kOk;
    }
    static int InfoAddSection(Info*, const char*) { return kOk; }
    static int InfoBeginDictField(Info*, const char*) { return kOk; }
    static int InfoEndDictField(Info*) { return kOk; }
    static int InfoAddFieldULongLong(Info*, const char*, unsigned long long) { return kOk; }
    static int InfoAddFieldDouble(Info*, const char*, double) { return kOk; }
    static int InfoAddFieldCString(Info*, const char*, const char*) { return kOk; }
};

}  // namespace

Server& server() {
    static Server* const the_server = new Server;
    return *the_server;
}

String* make_string(std::string text) {
    ++server().strings;
    return new String{std::move(text)};
}

void free_string(String* string) {
    if (--string->references == 0) {
        --server().strings;
        delete string;
    }
}

void drop(Value& value) {
    if (value.type != nullptr) {
        value.type->methods.free(value.data);
    }
    value = {};
}

template <typename T>
T zero() {
    return T();
}

int lookup(const char* name, void* pointer) {
    // Under the table's signatures. What is not written above does nothing and gives zero.
    static const std::map<std::string_view, void*> functions = {
// NOLINTBEGIN(bugprone-macro-parentheses): the arguments are a name and a list of parameters
#define FUZZ_ENTRY(result, function, arguments)                                                  \
    {"RedisModule_" #function, []<typename F>(F*) {                                              \
         if constexpr (requires { &F::function; }) {                                             \
             return reinterpret_cast<void*>(static_cast<result(*) arguments>(&F::function));     \
         } else {                                                                                \
             return reinterpret_cast<void*>(+[] arguments -> result { return zero<result>(); }); \
         }                                                                                       \
     }(static_cast<Functions*>(nullptr))},
        INFERDB_REDIS_FUNCTIONS(FUZZ_ENTRY)
#undef FUZZ_ENTRY
        // NOLINTEND(bugprone-macro-parentheses)
    };
    const auto found = functions.find(name);
    if (found == functions.end()) {
        return kError;
    }
    *static_cast<void**>(pointer) = found->second;
    return kOk;
}

}  // namespace inferstep::fuzz
