// The part of Redis' module interface (API version 1) that this module uses, under Redis' own names: redis::OpenKey is
// what Redis documents as RedisModule_OpenKey.
//
// Redis hands every module a function that looks names up; api.cpp fills this table with it once, when the module is
// loaded, before anything else runs. Unless noted, functions belong to Redis' main thread or to a thread that holds the
// lock of ThreadSafeContextLock.
#pragma once

#include <cstddef>
#include <cstdint>

namespace inferstep::redis {

struct Context;
struct Key;
struct String;
struct Type;
struct Blocked;  // a client that waits for our answer
struct Io;       // an RDB or AOF that is read or written
struct Info;
struct Cursor;
struct CallReply;
struct User;
struct FilterContext;  // a command before Redis looks it up
struct Filter;
struct ServerInfo;  // a section of INFO, parsed

using Command = int (*)(Context*, String** argv, int argc);
using Release = void (*)(Context*, void* data);
using Disconnected = void (*)(Context*, Blocked*);
using Filtered = void (*)(FilterContext*);
using TimerId = std::uint64_t;
using TimerFired = void (*)(Context*, void* data);
using Scanned = void (*)(Context*, String* name, Key*, void* data);

struct ServerEvent {
    std::uint64_t id;
    std::uint64_t version;
};
using FdReady = void (*)(int fd, void* data, int mask);
using KeyChanged = int (*)(Context*, int type, const char* event, String* key);
using EventSeen = void (*)(Context*, ServerEvent, std::uint64_t subevent, void* data);

// What kClientEvent tells.
struct ClientInfo {
    std::uint64_t version;
    std::uint64_t flags;
    std::uint64_t id;
    char address[46];
    std::uint16_t port;
    std::uint16_t db;
};

struct TypeMethods {
    std::uint64_t version = 3;
    void* (*rdb_load)(Io*, int encoding) = nullptr;
    void (*rdb_save)(Io*, void* value) = nullptr;
    void (*aof_rewrite)(Io*, String* key, void* value) = nullptr;
    std::size_t (*mem_usage)(const void* value) = nullptr;
    void (*digest)(void* digest, void* value) = nullptr;
    void (*free)(void* value) = nullptr;
    int (*aux_load)(Io*, int encoding, int when) = nullptr;
    void (*aux_save)(Io*, int when) = nullptr;
    int aux_save_triggers = 0;
    std::size_t (*free_effort)(String* key, const void* value) = nullptr;
    void (*unlink)(String* key, const void* value) = nullptr;
    void* (*copy)(String* from, String* to, const void* value) = nullptr;
    int (*defrag)(void* context, String* key, void** value) = nullptr;
};

constexpr int kOk = 0;
constexpr int kError = 1;
constexpr int kRead = 1;
constexpr int kWrite = 2;
constexpr int kKeyEmpty = 0;
constexpr int kKeyModule = 6;
constexpr long kPostponedLength = -1;
constexpr int kHandleIoErrors = 1;
constexpr int kFilterNotSelf = 1;
constexpr int kFdReadable = 1;
constexpr int kNotifyModule = 1 << 13;
constexpr ServerEvent kClientEvent{4, 1};
constexpr std::uint64_t kClientConnected = 0;
constexpr std::uint64_t kClientUnixSocket = 1 << 4;
constexpr ServerEvent kShutdownEvent{5, 1};
constexpr ServerEvent kCronEvent{8, 1};
constexpr ServerEvent kForkEvent{13, 1};
constexpr int kFlagLua = 1 << 0;
constexpr int kFlagMulti = 1 << 1;
constexpr int kFlagReplica = 1 << 3;
constexpr int kFlagCluster = 1 << 5;
constexpr int kFlagAof = 1 << 6;
constexpr int kFlagOom = 1 << 10;
constexpr int kFlagReplicated = 1 << 12;
constexpr int kFlagLoading = 1 << 13;
constexpr int kFlagDenyBlocking = 1 << 21;

// clang-format off
#define INFERDB_REDIS_FUNCTIONS(X)                                                                  \
    X(int, CreateCommand, (Context*, const char* name, Command, const char* flags, int, int, int))  \
    X(void, SetModuleAttribs, (Context*, const char* name, int version, int api))                   \
    X(int, IsModuleNameBusy, (const char* name))                                                    \
    X(void, SetModuleOptions, (Context*, int options))                                              \
    X(Type*, CreateDataType, (Context*, const char* name, int encoding, TypeMethods*))              \
    X(Key*, OpenKey, (Context*, String* name, int mode))                                            \
    X(void, CloseKey, (Key*))                                                                       \
    X(int, KeyType, (Key*))                                                                         \
    X(int, DeleteKey, (Key*))                                                                       \
    X(int, ModuleTypeSetValue, (Key*, Type*, void* value))                                          \
    X(Type*, ModuleTypeGetType, (Key*))                                                             \
    X(void*, ModuleTypeGetValue, (Key*))                                                            \
    X(const char*, StringPtrLen, (const String*, std::size_t* length))                              \
    X(String*, CreateString, (Context*, const char*, std::size_t))                                  \
    X(String*, HoldString, (Context*, String*))                                                     \
    X(void, FreeString, (Context*, String*))                                                        \
    X(int, ReplyWithLongLong, (Context*, long long))                                                \
    X(int, ReplyWithDouble, (Context*, double))                                                     \
    X(int, ReplyWithError, (Context*, const char* text))                                            \
    X(int, ReplyWithSimpleString, (Context*, const char*))                                          \
    X(int, ReplyWithStringBuffer, (Context*, const char*, std::size_t))                             \
    X(int, ReplyWithArray, (Context*, long length))                                                 \
    X(void, ReplySetArrayLength, (Context*, long length))                                           \
    X(int, ReplyWithNull, (Context*))                                                               \
    X(int, WrongArity, (Context*))                                                                  \
    X(int, Replicate, (Context*, const char* command, const char* format, ...))                     \
    X(int, ReplicateVerbatim, (Context*))                                                           \
    X(Blocked*, BlockClient, (Context*, Command reply, Command timeout, Release, long long))        \
    X(int, UnblockClient, (Blocked*, void* data)) /* from any thread */                             \
    X(void, SetDisconnectCallback, (Blocked*, Disconnected))                                        \
    X(void*, GetBlockedClientPrivateData, (Context*))                                               \
    X(Context*, GetThreadSafeContext, (Blocked*)) /* from any thread, as the next three */          \
    X(void, FreeThreadSafeContext, (Context*))                                                      \
    X(void, ThreadSafeContextLock, (Context*))                                                      \
    X(void, ThreadSafeContextUnlock, (Context*))                                                    \
    X(Context*, GetDetachedThreadSafeContext, (Context*))                                           \
    X(int, UnregisterCommandFilter, (Context*, Filter*))                                            \
    X(int, EventLoopAdd, (int fd, int mask, FdReady, void* data))                                   \
    X(int, EventLoopDel, (int fd, int mask))                                                        \
    X(int, SubscribeToKeyspaceEvents, (Context*, int types, KeyChanged))                            \
    X(int, NotifyKeyspaceEvent, (Context*, int type, const char* event, String* key))               \
    X(int, AvoidReplicaTraffic, ())                                                                 \
    X(ServerInfo*, GetServerInfo, (Context*, const char* section))                                  \
    X(void, FreeServerInfo, (Context*, ServerInfo*))                                                \
    X(unsigned long long, ServerInfoGetFieldUnsigned, (ServerInfo*, const char* field, int* error)) \
    X(int, IsKeysPositionRequest, (Context*))                                                       \
    X(void, KeyAtPos, (Context*, int position))                                                     \
    X(int*, GetCommandKeys, (Context*, String** argv, int argc, int* count)) /* free with Free */   \
    X(CallReply*, Call, (Context*, const char* command, const char* format, ...))                   \
    X(void, FreeCallReply, (CallReply*))                                                            \
    X(String*, GetCurrentUserName, (Context*))                                                      \
    X(User*, GetModuleUserFromUserName, (String*))                                                  \
    X(int, ACLCheckCommandPermissions, (User*, String** argv, int argc))                            \
    X(void, FreeModuleUser, (User*))                                                                \
    X(int, AuthenticateClientWithACLUser, (Context*, const char* name, std::size_t, void (*)(std::uint64_t, void*), \
                                           void*, std::uint64_t* id))                               \
    X(int, GetContextFlags, (Context*))                                                             \
    X(float, GetUsedMemoryRatio, ())                                                                \
    X(TimerId, CreateTimer, (Context*, long long milliseconds, TimerFired, void* data))             \
    X(int, StopTimer, (Context*, TimerId, void** data))                                             \
    X(Cursor*, ScanCursorCreate, ())                                                                \
    X(void, ScanCursorDestroy, (Cursor*))                                                           \
    X(int, Scan, (Context*, Cursor*, Scanned, void* data))                                          \
    X(int, SubscribeToServerEvent, (Context*, ServerEvent, EventSeen))                              \
    X(int, ReplyWithCallReply, (Context*, CallReply*))                                              \
    X(Filter*, RegisterCommandFilter, (Context*, Filtered, int flags))                              \
    X(int, CommandFilterArgsCount, (FilterContext*))                                                \
    X(String*, CommandFilterArgGet, (FilterContext*, int position))                                 \
    X(int, CommandFilterArgReplace, (FilterContext*, int position, String* owned))                  \
    X(void, SaveUnsigned, (Io*, std::uint64_t))                                                     \
    X(std::uint64_t, LoadUnsigned, (Io*))                                                           \
    X(void, SaveStringBuffer, (Io*, const char*, std::size_t))                                      \
    X(char*, LoadStringBuffer, (Io*, std::size_t* length)) /* to be freed with Free */              \
    X(int, IsIOError, (Io*))                                                                        \
    X(const String*, GetKeyNameFromIO, (Io*))                                                       \
    X(void, LogIOError, (Io*, const char* level, const char* format, ...))                          \
    X(void, EmitAOF, (Io*, const char* command, const char* format, ...))                           \
    X(void*, TryAlloc, (std::size_t bytes)) /* counted against maxmemory; from any thread */        \
    X(void, Free, (void*))                  /* from any thread */                                   \
    X(void, Log, (Context*, const char* level, const char* format, ...)) /* from any thread */      \
    X(int, RegisterInfoFunc, (Context*, void (*)(Info*, int for_crash_report)))                     \
    X(int, InfoAddSection, (Info*, const char* name))                                               \
    X(int, InfoBeginDictField, (Info*, const char* name))                                           \
    X(int, InfoEndDictField, (Info*))                                                               \
    X(int, InfoAddFieldULongLong, (Info*, const char* name, unsigned long long))                    \
    X(int, InfoAddFieldDouble, (Info*, const char* name, double))                                   \
    X(int, InfoAddFieldCString, (Info*, const char* name, const char*))

// NOLINTBEGIN(bugprone-macro-parentheses): the arguments are a name and a list of parameters
#define INFERDB_DECLARE(result, name, arguments) inline result(*name) arguments = nullptr;
INFERDB_REDIS_FUNCTIONS(INFERDB_DECLARE)
#undef INFERDB_DECLARE
// NOLINTEND(bugprone-macro-parentheses)
// clang-format on

// Fill the table. Returns the name of the first function that this Redis lacks, nullptr when all are there.
const char* bind_api(Context*);

}  // namespace inferstep::redis
