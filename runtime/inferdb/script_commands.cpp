// AI.SCRIPTSTORE and what else is done with scripts but executing them.
#include <algorithm>

#include "inferdb/args.hpp"
#include "inferdb/commands.hpp"
#include "inferdb/engine.hpp"
#include "inferdb/keys.hpp"
#include "inferdb/listing.hpp"
#include "inferdb/loading.hpp"
#include "inferdb/model_parse.hpp"
#include "inferdb/script.hpp"
#include "inferdb/settings.hpp"
#include "inferdb/tensor.hpp"

namespace inferstep::command {
namespace {

constexpr std::int64_t kMaxEntryPoints = 4096;

Status parse_entry_points(Args& args, std::vector<std::string>& names) {
    const auto count = args.number(1, std::min<std::int64_t>(args.left() - 1, kMaxEntryPoints));
    if (!count) {
        return fail("ENTRY_POINTS is followed by how many names there are, and by the names");
    }
    for (std::int64_t i = 0; i < *count; ++i) {
        names.emplace_back(args.text());
    }
    return Status::ok();
}

// `args` begins behind the key: device [TAG t] [ENTRY_POINTS n name…] SOURCE text
Result<ScriptRef> parse_script(Args args, bool entry_points) {
    ScriptDefinition definition;
    auto device = parse_device(args.text());
    if (!device) {
        return device.error();
    }
    definition.device = std::move(*device);
    while (!args.take("SOURCE")) {
        Status status = Status::ok();
        if (entry_points && args.take("ENTRY_POINTS")) {
            status = parse_entry_points(args, definition.entry_points);
        } else if (args.left() >= 2 && args.take("TAG")) {
            definition.tag = args.text();
        } else {
            status = args.more()
                         ? fail("{} is no word of this command, or lacks what follows it", args.peek().substr(0, 64))
                         : fail("Insufficient arguments, missing script SOURCE");
        }
        if (!status) {
            return status.error();
        }
    }
    if (entry_points && definition.entry_points.empty()) {
        return fail("Insufficient arguments, missing script entry points");
    }
    if (args.left() != 1) {
        return fail("SOURCE is followed by one argument, the last");
    }
    String* source = args.string();
    if (text_of(source).empty() || text_of(source).size() > settings().max_model) {
        return fail("a script has 1 to {} bytes, not {}", settings().max_model, text_of(source).size());
    }
    return std::make_shared<StoredScript>(std::move(definition), text_of(source), hold(source));
}

int store(Context* context, String** argv, int argc, bool entry_points, const char* command) {
    if (argc < (entry_points ? 8 : 5)) {
        return redis::WrongArity(context);
    }
    auto parsed = parse_script(Args(argv, argc, 2), entry_points);
    if (!parsed) {
        return reply_error(context, parsed.error());
    }
    const ScriptRef script = *parsed;
    script->name = text_of(argv[1]);
    Loading loading;
    loading.command = command;
    loading.check = check_script_key;
    loading.is_there = [script](Context* in, String* key) {
        const auto existing = find_script(in, key);
        return existing && (*existing)->ready && !(*existing)->runaway &&
               (*existing)->definition == script->definition && (*existing)->source == script->source;
    };
    loading.load = [script] { return script->load(); };
    loading.store = [script](Context* in, String* key) { return store_script(in, key, script); };
    return load_and_store(context, argv, argc, std::move(loading));
}

void reply_meta(Context* context, const ScriptDefinition& d) {
    reply_text(context, "device");
    reply_text(context, d.device);
    reply_text(context, "tag");
    reply_text(context, d.tag);
    reply_text(context, "Entry Points");
    redis::ReplyWithArray(context, static_cast<long>(d.entry_points.size()));
    for (const std::string& name : d.entry_points) {
        reply_text(context, name);
    }
}

}  // namespace

// AI.SCRIPTSTORE key device [TAG t] ENTRY_POINTS n name… SOURCE text
int script_store(Context* context, String** argv, int argc) {
    return store(context, argv, argc, true, "AI.SCRIPTSTORE");
}

// AI.SCRIPTSET key device [TAG t] SOURCE text
int script_set(Context* context, String** argv, int argc) { return store(context, argv, argc, false, "AI.SCRIPTSET"); }

// AI.SCRIPTGET key [META] [SOURCE]      neither: both
int script_get(Context* context, String** argv, int argc) {
    if (argc < 2) {
        return redis::WrongArity(context);
    }
    bool meta = false;
    bool source = false;
    for (Args args(argv, argc, 2); args.more();) {
        bool& word = args.take("META") ? meta : source;
        if (&word == &source && !args.take("SOURCE")) {
            return reply_error(context, fail("AI.SCRIPTGET takes META and SOURCE, not {}", args.peek().substr(0, 64)));
        }
        word = true;
    }
    const auto script = find_script(context, argv[1]);
    if (!script) {
        return reply_error(context, script.error());
    }
    const bool both = meta == source;
    if (meta || both) {
        redis::ReplyWithArray(context, both ? 8 : 6);
        reply_meta(context, (*script)->definition);
    }
    if (both) {
        reply_text(context, "source");
    }
    if (source || both) {
        reply_text(context, (*script)->source);
    }
    return redis::kOk;
}

// AI.SCRIPTDEL key
int script_del(Context* context, String** argv, int argc) {
    if (argc != 2) {
        return redis::WrongArity(context);
    }
    const auto script = find_script(context, argv[1]);
    return script ? delete_key(context, argv[1]) : reply_error(context, script.error());
}

// AI._SCRIPTSCAN      [[key, tag], …]
int script_scan(Context* context, String**, int argc) { return reply_listing(context, argc, find_script); }

}  // namespace inferstep::command
