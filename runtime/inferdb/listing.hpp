// What the commands for models and for scripts do alike: listing all, deleting one.
#pragma once

#include "inferdb/args.hpp"
#include "inferdb/keys.hpp"

namespace inferstep::command {

// Answer [[key, tag], …] of every key of the database that `find` (find_model, find_script) finds.
template <typename Found>
int reply_listing(redis::Context* context, int argc, Found (*find)(redis::Context*, redis::String*)) {
    if (argc != 1) {
        return redis::WrongArity(context);
    }
    struct Listing {
        redis::Context* context;
        Found (*find)(redis::Context*, redis::String*);
        long count = 0;
    };
    Listing listing{context, find};
    const auto list_one = [](redis::Context* in, redis::String* name, redis::Key*, void* data) {
        auto& all = *static_cast<Listing*>(data);
        if (const auto found = all.find(in, name)) {
            redis::ReplyWithArray(all.context, 2);
            reply_text(all.context, text_of(name));
            reply_text(all.context, (*found)->definition.tag);
            ++all.count;
        }
    };
    redis::ReplyWithArray(context, redis::kPostponedLength);
    redis::Cursor* cursor = redis::ScanCursorCreate();
    while (redis::Scan(context, cursor, list_one, &listing) != 0) {
    }
    redis::ScanCursorDestroy(cursor);
    redis::ReplySetArrayLength(context, listing.count);
    return redis::kOk;
}

// Delete a key that was found; OK.
inline int delete_key(redis::Context* context, redis::String* name) {
    {
        const OpenKey key(context, name, redis::kRead | redis::kWrite);
        redis::DeleteKey(key.get());
    }
    redis::ReplicateVerbatim(context);
    return redis::ReplyWithSimpleString(context, "OK");
}

}  // namespace inferstep::command
