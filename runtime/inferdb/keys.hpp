// Opened keys in RAII, and what all commands answer in the same way.
#pragma once

#include <string_view>

#include "core/result.hpp"
#include "inferdb/api.hpp"

namespace inferstep {

class OpenKey {
   public:
    OpenKey(redis::Context* context, redis::String* name, int mode) : key_(redis::OpenKey(context, name, mode)) {}
    ~OpenKey() { redis::CloseKey(key_); }
    OpenKey(const OpenKey&) = delete;
    OpenKey& operator=(const OpenKey&) = delete;

    redis::Key* get() const { return key_; }
    bool empty() const { return key_ == nullptr || redis::KeyType(key_) == redis::kKeyEmpty; }
    // The value when the key holds one of `type`, else nullptr.
    void* value(redis::Type* type) const {
        const bool match =
            key_ != nullptr && redis::KeyType(key_) == redis::kKeyModule && redis::ModuleTypeGetType(key_) == type;
        return match ? redis::ModuleTypeGetValue(key_) : nullptr;
    }

   private:
    redis::Key* key_;
};

inline Error wrong_type() { return Error{"WRONGTYPE Operation against a key holding the wrong kind of value", {}}; }

// "ERR message" (or the message alone where it starts with a code of its own), on one line whatever it quotes.
int reply_error(redis::Context* context, const Error& error);

// OK, or the error.
int reply_outcome(redis::Context* context, const Status& status);

// A string, as one bulk reply.
inline void reply_text(redis::Context* context, std::string_view text) {
    redis::ReplyWithStringBuffer(context, text.data(), text.size());
}

// Whether a client may wait here for a worker. Error: the command stands inside MULTI or a script.
Status check_may_block(redis::Context* context, const char* command);

}  // namespace inferstep
