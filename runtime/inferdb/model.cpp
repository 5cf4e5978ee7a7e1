#include "inferdb/model.hpp"

#include <algorithm>
#include <tuple>

#include "inferdb/args.hpp"
#include "inferdb/engine.hpp"
#include "inferdb/stored_text.hpp"
#include "inferdb/typed_key.hpp"

namespace inferstep {
namespace {

// The words of an AI.MODELSTORE or AI._MODELFILE that makes this model, up to and without its blob or path.
std::vector<std::string> head_of(const ModelDefinition& d) {
    std::vector<std::string> words = {d.backend(), d.device};
    const auto add = [&](const char* name, const std::string& value) { words.insert(words.end(), {name, value}); };
    const auto add_names = [&](const char* word, const std::vector<std::string>& names) {
        if (!names.empty()) {
            add(word, std::to_string(names.size()));
            words.insert(words.end(), names.begin(), names.end());
        }
    };
    add("TAG", d.tag);
    add("BATCHSIZE", std::to_string(d.policy.batch_size));
    add("MINBATCHSIZE", std::to_string(d.policy.min_batch_size));
    add("MINBATCHTIMEOUT", std::to_string(d.policy.min_batch_timeout_ms));
    if (d.threads != 0) {
        add("THREADS", std::to_string(d.threads));
    }
    if (d.precision != Precision::float32) {
        add("PRECISION", name_of(d.precision));
    }
    add_names("INPUTS", d.inputs);
    add_names("OUTPUTS", d.outputs);
    if (d.file.empty()) {
        words.emplace_back("BLOB");
    } else {
        words.insert(words.end(), {"SHA256", d.sha256, "FILE"});
    }
    return words;
}

struct ModelKind {
    using Value = StoredModel;
    static constexpr const char* kName = "INF_MODEL";
    static constexpr int kEncoding = 1;  // 1 knows threads, precision and packages
    static constexpr const char* kEmpty = "model key is empty";
    static constexpr bool kListed = true;

    static void save(redis::Io* io, const StoredModel& model) {
        const ModelDefinition& d = model.definition;
        save_text(io, d.device);
        save_text(io, d.tag);
        for (const std::int64_t n : {d.policy.batch_size, d.policy.min_batch_size, d.policy.min_batch_timeout_ms}) {
            redis::SaveUnsigned(io, static_cast<std::uint64_t>(n));
        }
        save_texts(io, d.inputs);
        save_texts(io, d.outputs);
        redis::SaveUnsigned(io, static_cast<std::uint64_t>(d.threads));
        redis::SaveUnsigned(io, static_cast<std::uint64_t>(d.precision));
        save_text(io, d.file);
        save_text(io, d.sha256);
        save_text(io, model.blob);
    }

    static ModelRef load(redis::Io* io, int encoding);

    static void rewrite(redis::Io* io, redis::String* key, const StoredModel& model) {
        const ModelDefinition& d = model.definition;
        emit_command(io, d.file.empty() ? "AI.MODELSTORE" : "AI._MODELFILE", key, head_of(d),
                     d.file.empty() ? model.blob : d.file);
    }

    static std::size_t memory(const StoredModel& model) { return sizeof model + model.blob.size(); }
};
using ModelKey = TypedKey<ModelKind>;

// What came after encoding 0. False: nothing that we have written.
bool load_options(redis::Io* io, ModelDefinition& definition) {
    const std::uint64_t threads = redis::LoadUnsigned(io);
    const std::uint64_t precision = redis::LoadUnsigned(io);
    definition.threads = static_cast<std::int64_t>(std::min<std::uint64_t>(threads, kMaxModelThreads));
    definition.precision = static_cast<Precision>(std::min<std::uint64_t>(precision, std::size(kPrecisions) - 1));
    definition.file = load_text(io);
    definition.sha256 = load_text(io);
    return threads <= kMaxModelThreads && precision < std::size(kPrecisions);
}

ModelRef ModelKind::load(redis::Io* io, int encoding) {
    ModelDefinition definition;
    definition.device = load_text(io);
    definition.tag = load_text(io);
    BatchPolicy& policy = definition.policy;
    for (std::int64_t* n : {&policy.batch_size, &policy.min_batch_size, &policy.min_batch_timeout_ms}) {
        *n = static_cast<std::int64_t>(redis::LoadUnsigned(io));
    }
    definition.inputs = load_texts(io);
    definition.outputs = load_texts(io);
    const bool understood = encoding == 0 || load_options(io, definition);
    LoadedBytes blob = load_bytes(io);
    if (!blob.owner || !understood) {
        redis::LogIOError(io, "warning", "cannot read a model");
        return nullptr;
    }
    auto model = std::make_shared<StoredModel>(std::move(definition), blob.bytes, std::move(blob.owner));
    const redis::String* name = redis::GetKeyNameFromIO(io);
    model->name = name != nullptr ? std::string(text_of(name)) : "";
    return model;
}

}  // namespace

bool ModelDefinition::operator==(const ModelDefinition& other) const {
    const auto all = [](const ModelDefinition& d) {
        return std::tie(d.device, d.tag, d.policy.batch_size, d.policy.min_batch_size, d.policy.min_batch_timeout_ms,
                        d.inputs, d.outputs, d.threads, d.precision, d.file, d.sha256);
    };
    return all(*this) == all(other);
}

Status StoredModel::load() { return ready ? Status::ok() : engine().load(*this); }

bool register_model_type(redis::Context* context) { return ModelKey::register_type(context); }

Result<ModelRef> find_model(redis::Context* context, redis::String* name) { return ModelKey::find(context, name); }

Status check_model_key(redis::Context* context, redis::String* name) { return ModelKey::check(context, name); }

Status store_model(redis::Context* context, redis::String* name, ModelRef model) {
    return ModelKey::store(context, name, std::move(model));
}

std::vector<ModelRef> all_models() { return ModelKey::all(); }

}  // namespace inferstep
