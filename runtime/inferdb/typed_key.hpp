// Keys whose value is of one of the module's own types, shared by the key, its copies and whoever uses it meanwhile.
//
// TypedKey<Kind> is all that Redis and the commands do with such keys. A Kind says what is particular:
//
//     struct Kind {
//         using Value = …;                                    // what a key holds; const where it never changes
//         static constexpr const char* kName = "INF_XXXXX";   // of the type, nine characters
//         static constexpr int kEncoding = 0;                 // version of what save() writes
//         static constexpr const char* kEmpty = "…";          // the error where there is no such key
//         static constexpr bool kListed = …;                  // whether all() is wanted
//         static std::shared_ptr<Value> load(redis::Io*, int encoding);  // null: refused; the reason is logged
//         static void save(redis::Io*, const Value&);                    // in a forked child: plain bytes only
//         static void rewrite(redis::Io*, redis::String* key, const Value&);  // a command that makes the value
//         static std::size_t memory(const Value&);                       // bytes
//         // where wanted: a key was given this value, and lost it (from any thread)
//         static void made(std::shared_ptr<Value>*);
//         static void gone(std::shared_ptr<Value>*);
//     };
#pragma once

#include <memory>
#include <vector>

#include "core/result.hpp"
#include "inferdb/api.hpp"
#include "inferdb/keys.hpp"

namespace inferstep {

template <typename Kind>
class TypedKey {
   public:
    using Value = typename Kind::Value;
    using Ref = std::shared_ptr<Value>;

    // Once, when the module is loaded. False: Redis refused.
    static bool register_type(redis::Context* context) {
        redis::TypeMethods methods;
        methods.rdb_load = load;
        methods.rdb_save = [](redis::Io* io, void* value) { Kind::save(io, *ref(value)); };
        methods.aof_rewrite = [](redis::Io* io, redis::String* key, void* value) {
            Kind::rewrite(io, key, *ref(value));
        };
        methods.mem_usage = [](const void* value) { return Kind::memory(**static_cast<const Ref*>(value)); };
        methods.free = [](void* value) {
            if constexpr (requires { Kind::gone(static_cast<Ref*>(nullptr)); }) {
                Kind::gone(static_cast<Ref*>(value));
            }
            delete static_cast<Ref*>(value);
        };
        methods.copy = [](redis::String*, redis::String*, const void* value) -> void* {
            return made(*static_cast<const Ref*>(value));
        };
        key_type = redis::CreateDataType(context, Kind::kName, Kind::kEncoding, &methods);
        return key_type != nullptr;
    }

    // Errors: no such key, a key of another type.
    static Result<Ref> find(redis::Context* context, redis::String* name) {
        const OpenKey key(context, name, redis::kRead);
        if (key.empty()) {
            return Error{Kind::kEmpty, {}};
        }
        void* value = key.value(key_type);
        return value != nullptr ? Result<Ref>(ref(value)) : Result<Ref>(wrong_type());
    }

    // Whether a value of this type may be stored there: not where there is one of another type.
    static Status check(redis::Context* context, redis::String* name) {
        const OpenKey key(context, name, redis::kRead);
        return key.empty() || key.value(key_type) != nullptr ? Status::ok() : Status(wrong_type());
    }

    // Replaces a value of this type; a key of another type is an error.
    static Status store(redis::Context* context, redis::String* name, Ref value) {
        const OpenKey key(context, name, redis::kRead | redis::kWrite);
        if (!key.empty() && key.value(key_type) == nullptr) {
            return wrong_type();
        }
        redis::ModuleTypeSetValue(key.get(), key_type, wrap(std::move(value)));
        return Status::ok();
    }

    // The values that exist, under whatever key. By threads that hold Redis' lock, as everything here.
    static std::vector<Ref> all() {
        static_assert(Kind::kListed);
        std::vector<Ref> values;
        for (const std::weak_ptr<Value>& known : known_values) {
            if (Ref value = known.lock()) {
                values.push_back(std::move(value));
            }
        }
        return values;
    }

   private:
    static Ref& ref(void* value) { return *static_cast<Ref*>(value); }

    static void* wrap(Ref value) {
        if constexpr (Kind::kListed) {
            std::erase_if(known_values, [](const std::weak_ptr<Value>& known) { return known.expired(); });
            known_values.push_back(value);
        }
        return made(std::move(value));
    }

    static Ref* made(Ref value) {
        auto made = std::make_unique<Ref>(std::move(value));
        if constexpr (requires { Kind::made(made.get()); }) {
            Kind::made(made.get());
        }
        return made.release();
    }

    static void* load(redis::Io* io, int encoding) {
        if (encoding > Kind::kEncoding) {
            redis::LogIOError(io, "warning", "cannot read a value of type %s: it was written by a newer version",
                              Kind::kName);
            return nullptr;
        }
        Ref value = Kind::load(io, encoding);
        return value ? wrap(std::move(value)) : nullptr;
    }

    static inline redis::Type* key_type = nullptr;
    static inline std::vector<std::weak_ptr<Value>> known_values;
};

}  // namespace inferstep
