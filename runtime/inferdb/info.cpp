// AI.INFO, AI.CONFIG, and our section of INFO: what the database is and what it has done.
#include "inferdb/info.hpp"

#include <array>
#include <optional>

#include "inferdb/arena.hpp"
#include "inferdb/args.hpp"
#include "inferdb/commands.hpp"
#include "inferdb/engine.hpp"
#include "inferdb/keys.hpp"
#include "inferdb/model.hpp"
#include "inferdb/script.hpp"
#include "inferdb/settings.hpp"

namespace inferstep {
namespace {

using redis::Context;
using redis::String;

void reply_pair(Context* context, const char* name, std::string_view value) {
    reply_text(context, name);
    reply_text(context, value);
}

void reply_pair(Context* context, const char* name, std::uint64_t value) {
    reply_text(context, name);
    redis::ReplyWithLongLong(context, static_cast<long long>(value));
}

double mean_batch(const ModelStats& stats) {
    const std::uint64_t batches = stats.batches;
    return batches == 0 ? 0 : static_cast<double>(stats.samples) / static_cast<double>(batches);
}

std::uint64_t total_us(const Histogram& times) { return times.sum() / 1000; }

std::uint64_t duration(const ModelStats& stats) {
    return total_us(stats.input) + total_us(stats.inference) + total_us(stats.output);
}

struct Quantiles {
    const char* name;
    const Histogram& times;
};
std::array<Quantiles, 4> quantiles(const ModelStats& stats) {
    return {{{"queue", stats.queue}, {"input", stats.input}, {"inference", stats.inference}, {"output", stats.output}}};
}

std::string microseconds(const Histogram& times, double q) {
    return fmt::format("{:.1f}", static_cast<double>(times.quantile(q)) / 1000);
}

// Without a key: an array of pairs that says what answers.
int reply_versions(Context* context) {
    redis::ReplyWithArray(context, 8);
    reply_pair(context, "Version", INFERSTEP_VERSION);
    reply_pair(context, "Low level API Version", "1");
    reply_pair(context, "RDB Encoding version", "0");
    reply_pair(context, "Torch version", engine().backend_name());
    return redis::kOk;
}

// What a reduced precision costs, once that is known; models in float32 have no such field.
std::optional<double> precision_error(const StoredModel& model) {
    return model.ready ? model.model->precision_error() : std::nullopt;
}

int reply_model(Context* context, std::string_view key, const StoredModel& model) {
    const ModelStats& stats = model.stats;
    const bool reduced = model.definition.precision != Precision::float32;
    const auto error = precision_error(model);
    redis::ReplyWithArray(context, 54 + (reduced ? 2 : 0) + (error ? 2 : 0));
    reply_pair(context, "key", key);
    reply_pair(context, "type", "MODEL");
    reply_pair(context, "backend", model.definition.backend());
    reply_pair(context, "device", model.definition.device);
    reply_pair(context, "tag", model.definition.tag);
    reply_pair(context, "duration", duration(stats));
    reply_pair(context, "samples", stats.samples);
    reply_pair(context, "calls", stats.calls);
    reply_pair(context, "errors", stats.errors);
    reply_pair(context, "batches", stats.batches);
    reply_pair(context, "meanbatch", fmt::format("{:.2f}", mean_batch(stats)));
    for (const auto& [name, times] : quantiles(stats)) {
        reply_pair(context, name, total_us(times));
    }
    for (const auto& [name, times] : quantiles(stats)) {
        reply_pair(context, fmt::format("{}_p50", name).c_str(), microseconds(times, 0.5));
        reply_pair(context, fmt::format("{}_p99", name).c_str(), microseconds(times, 0.99));
    }
    reply_pair(context, "batchsizes", stats.sizes_text());
    reply_pair(context, "joint", static_cast<std::uint64_t>(model.joint));
    reply_pair(context, "trials", stats.trials);
    reply_pair(context, "state", model.runaway ? "runaway" : "usable");
    if (reduced) {
        reply_pair(context, "precision", name_of(model.definition.precision));
    }
    if (error) {
        reply_pair(context, "precision_error", fmt::format("{:.6g}", *error));
    }
    return redis::kOk;
}

// As RedisAI gives them: a script has no samples.
int reply_script(Context* context, std::string_view key, const StoredScript& script) {
    redis::ReplyWithArray(context, 18);
    reply_pair(context, "key", key);
    reply_pair(context, "type", "SCRIPT");
    reply_pair(context, "backend", "TORCH");
    reply_pair(context, "device", script.definition.device);
    reply_pair(context, "tag", script.definition.tag);
    reply_pair(context, "duration", duration(script.stats));
    reply_text(context, "samples");
    redis::ReplyWithLongLong(context, -1);
    reply_pair(context, "calls", script.stats.calls);
    reply_pair(context, "errors", script.stats.errors);
    return redis::kOk;
}

void add_counts(redis::Info* info, const Executable& one) {
    const ModelStats& stats = one.stats;
    redis::InfoAddFieldCString(info, "device", one.device().c_str());
    const std::pair<const char*, std::uint64_t> numbers[] = {{"calls", stats.calls},
                                                             {"errors", stats.errors},
                                                             {"samples", stats.samples},
                                                             {"batches", stats.batches},
                                                             {"trials", stats.trials},
                                                             {"joint", static_cast<std::uint64_t>(one.joint)},
                                                             {"runaway", one.runaway ? 1U : 0U}};
    for (const auto& [name, value] : numbers) {
        redis::InfoAddFieldULongLong(info, name, value);
    }
    for (const auto& [name, times] : quantiles(stats)) {
        redis::InfoAddFieldULongLong(info, fmt::format("{}_us", name).c_str(), total_us(times));
        for (const auto& [part, q] : {std::pair("p50", 0.5), std::pair("p99", 0.99)}) {
            redis::InfoAddFieldCString(info, fmt::format("{}_{}_us", name, part).c_str(),
                                       microseconds(times, q).c_str());
        }
    }
    redis::InfoAddFieldCString(info, "mean_batch", fmt::format("{:.2f}", mean_batch(stats)).c_str());
    redis::InfoAddFieldCString(info, "batch_sizes", stats.sizes_text().c_str());
}

void add_model(redis::Info* info, const StoredModel& model) {
    redis::InfoBeginDictField(info, ("model_" + model.name).c_str());
    add_counts(info, model);
    if (model.definition.precision != Precision::float32) {
        redis::InfoAddFieldCString(info, "precision", name_of(model.definition.precision));
    }
    if (const auto error = precision_error(model)) {
        redis::InfoAddFieldDouble(info, "precision_error", *error);
    }
    redis::InfoEndDictField(info);
}

const char* device_name(DeviceChoice choice) {
    return choice == DeviceChoice::cpu ? "cpu" : choice == DeviceChoice::gpu ? "gpu" : "auto";
}

// What AI.CONFIG GET knows, under RedisAI's names.
std::optional<long long> setting_of(std::string_view name) {
    const std::pair<const char*, long long> known[] = {{"MODEL_CHUNK_SIZE", settings().model_chunk_size},
                                                       {"THREADS_PER_QUEUE", settings().workers},
                                                       {"INTRA_OP_PARALLELISM", settings().threads},
                                                       {"INTER_OP_PARALLELISM", 1}};
    for (const auto& [word, value] : known) {
        if (same_word(name, word)) {
            return value;
        }
    }
    return std::nullopt;
}

}  // namespace

void add_info(redis::Info* info, int for_crash_report) {
    if (for_crash_report != 0) {
        return;  // whoever crashed may hold our locks
    }
    redis::InfoAddSection(info, "");
    redis::InfoAddFieldCString(info, "version", INFERSTEP_VERSION);
    redis::InfoAddFieldCString(info, "backend", engine().backend_name().c_str());
    redis::InfoAddFieldCString(info, "device", device_name(settings().device));
    redis::InfoAddFieldULongLong(info, "workers", static_cast<unsigned>(settings().workers));
    redis::InfoAddFieldULongLong(info, "threads", static_cast<unsigned>(settings().threads));
    redis::InfoAddFieldULongLong(info, "torch_memory", engine().torch_memory());
    const Engine::Load load = engine().load_now();
    redis::InfoAddFieldULongLong(info, "queues", load.devices);
    redis::InfoAddFieldULongLong(info, "waiting", load.waiting);
    redis::InfoAddFieldULongLong(info, "running", load.running);
    redis::InfoAddFieldULongLong(info, "lost_workers", load.lost);
    add_arena_info(info);
    const std::vector<ModelRef> models = all_models();
    redis::InfoAddFieldULongLong(info, "models", models.size());
    for (const ModelRef& model : models) {
        add_model(info, *model);
    }
    const std::vector<ScriptRef> scripts = all_scripts();
    redis::InfoAddFieldULongLong(info, "scripts", scripts.size());
    for (const ScriptRef& script : scripts) {
        redis::InfoBeginDictField(info, ("script_" + script->name).c_str());
        add_counts(info, *script);
        redis::InfoEndDictField(info);
    }
}

namespace command {

// AI.INFO [key [RESETSTAT]]
int info(Context* context, String** argv, int argc) {
    if (argc == 1) {
        return reply_versions(context);
    }
    Args rest(argv, argc, 2);
    const bool reset = rest.take("RESETSTAT");
    if (rest.more()) {
        return reply_error(context, fail("AI.INFO takes a key and RESETSTAT, not {}", rest.peek().substr(0, 64)));
    }
    const auto model = find_model(context, argv[1]);
    const auto script = find_script(context, argv[1]);
    if (!model && !script) {
        return reply_error(context, fail("cannot find run info for key"));
    }
    // The reply to RESETSTAT are the statistics up to now: SmartRedis wants pairs, and nothing counted is lost.
    if (model) {
        reply_model(context, text_of(argv[1]), **model);
    } else {
        reply_script(context, text_of(argv[1]), **script);
    }
    if (reset) {
        (model ? (*model)->stats : (*script)->stats).reset();
    }
    return redis::kOk;
}

// AI.CONFIG GET name, AI.CONFIG MODEL_CHUNK_SIZE bytes
int config(Context* context, String** argv, int argc) {
    Args args(argv, argc, 1);
    if (args.left() == 2 && args.take("GET")) {
        const auto value = setting_of(args.peek());
        return value ? redis::ReplyWithLongLong(context, *value) : redis::ReplyWithNull(context);
    }
    if (args.left() == 2 && args.take("MODEL_CHUNK_SIZE")) {
        const auto size = args.number(1, static_cast<std::int64_t>(settings().max_model));
        if (!size) {
            return reply_error(context, fail("MODEL_CHUNK_SIZE: invalid chunk size"));
        }
        settings().model_chunk_size = *size;
        return redis::ReplyWithSimpleString(context, "OK");
    }
    if (args.left() == 2 && setting_of(args.peek())) {
        return reply_error(context, fail("{} is set when the module is loaded", args.peek()));
    }
    if (args.take("LOADBACKEND") || args.take("BACKENDSPATH")) {
        return reply_error(
            context,
            fail("backends are not loaded by command: TORCH and AOTI are part of this database, there are no others"));
    }
    if (argc < 3) {
        return redis::WrongArity(context);
    }
    return reply_error(context, fail("AI.CONFIG takes GET name or MODEL_CHUNK_SIZE bytes"));
}

}  // namespace command
}  // namespace inferstep
