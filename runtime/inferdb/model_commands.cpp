#include "inferdb/args.hpp"
#include "inferdb/commands.hpp"
#include "inferdb/keys.hpp"
#include "inferdb/listing.hpp"
#include "inferdb/model.hpp"

namespace inferstep::command {
namespace {

void reply_names(Context* context, const char* title, const std::vector<std::string>& names) {
    reply_text(context, title);
    redis::ReplyWithArray(context, static_cast<long>(names.size()));
    for (const std::string& name : names) {
        reply_text(context, name);
    }
}

void reply_number(Context* context, const char* title, std::int64_t value) {
    reply_text(context, title);
    redis::ReplyWithLongLong(context, value);
}

void reply_meta(Context* context, const ModelDefinition& d) {
    reply_text(context, "backend");
    reply_text(context, d.backend());
    reply_text(context, "device");
    reply_text(context, d.device);
    reply_text(context, "tag");
    reply_text(context, d.tag);
    reply_number(context, "batchsize", d.policy.batch_size);
    reply_number(context, "minbatchsize", d.policy.min_batch_size);
    reply_names(context, "inputs", d.inputs);
    reply_names(context, "outputs", d.outputs);
    reply_number(context, "minbatchtimeout", d.policy.min_batch_timeout_ms);
    if (d.threads != 0) {
        reply_number(context, "threads", d.threads);
    }
    if (d.precision != Precision::float32) {
        reply_text(context, "precision");
        reply_text(context, name_of(d.precision));
    }
}

// What no client of RedisAI has ever set is not shown to one.
long meta_length(const ModelDefinition& d) {
    return 16 + (d.threads != 0 ? 2 : 0) + (d.precision != Precision::float32 ? 2 : 0);
}

}  // namespace

// AI.MODELGET key [META] [BLOB]      neither: both. The blob of a package is empty: code is not sent.
int model_get(Context* context, String** argv, int argc) {
    if (argc < 2) {
        return redis::WrongArity(context);
    }
    bool meta = false;
    bool blob = false;
    for (Args args(argv, argc, 2); args.more();) {
        if (args.take("META")) {
            meta = true;
        } else if (args.take("BLOB")) {
            blob = true;
        } else {
            return reply_error(context, fail("AI.MODELGET takes META and BLOB, not {}", args.peek().substr(0, 64)));
        }
    }
    if (!meta && !blob) {
        meta = blob = true;
    }
    const auto model = find_model(context, argv[1]);
    if (!model) {
        return reply_error(context, model.error());
    }
    if (meta) {
        redis::ReplyWithArray(context, meta_length((*model)->definition) + (blob ? 2 : 0));
        reply_meta(context, (*model)->definition);
    }
    if (meta && blob) {
        reply_text(context, "blob");
    }
    // In one piece, however large: SmartRedis puts the pieces of an array over one another.
    return blob ? redis::ReplyWithStringBuffer(context, (*model)->blob.data(), (*model)->blob.size()) : redis::kOk;
}

// AI.MODELDEL key
int model_del(Context* context, String** argv, int argc) {
    if (argc != 2) {
        return redis::WrongArity(context);
    }
    const auto model = find_model(context, argv[1]);
    return model ? delete_key(context, argv[1]) : reply_error(context, model.error());
}

// AI._MODELSCAN      [[key, tag], …]
int model_scan(Context* context, String**, int argc) { return reply_listing(context, argc, find_model); }

}  // namespace inferstep::command
