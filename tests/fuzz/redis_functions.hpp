// The functions of the stand-in for redis-server that clients of it in tests/fuzz share.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "redis_types.hpp"

namespace inferstep::fuzz {

struct Value {
    redis::Type* type = nullptr;  // null: a plain string
    void* data = nullptr;
};

struct RegisteredCommand {
    redis::Command function;
    std::string flags;
    int key;
};

struct Timer {
    redis::TimerFired fired;
    void* data;
};

struct Server {
    std::mutex turn;  // Redis' lock: whoever runs module code that touches keys
    std::map<std::string, Value> keys;
    std::map<std::string, RegisteredCommand> commands;
    std::map<std::string, redis::Type*> types;
    std::map<redis::TimerId, Timer> timers;
    redis::TimerId next_timer = 1;
    redis::Filtered filter = nullptr;
    void (*info)(redis::Info*, int) = nullptr;
    std::atomic<long> strings{0};

    std::mutex answers;  // of the list of clients that were answered
    std::condition_variable answered;
};

Server& server();

redis::String* make_string(std::string text);
void free_string(redis::String* string);
// Forget the value of a key as its type wants it.
void drop(Value& value);

// What RedisModule_GetApi is to a module.
int lookup(const char* name, void* pointer);

}  // namespace inferstep::fuzz
