#include "inferdb/model.hpp"

#include <algorithm>
#include <tuple>

#include "inferdb/args.hpp"
#include "inferdb/keys.hpp"
#include "inferdb/tensor.hpp"

namespace inferstep {
namespace {

constexpr std::uint64_t kMaxNames = 4096;

redis::Type* model_type = nullptr;
std::vector<std::weak_ptr<StoredModel>> known_models;  // touched by threads that hold Redis' lock

ModelRef& value_of(void* value) { return *static_cast<ModelRef*>(value); }

void* make_value(ModelRef model) {
    std::erase_if(known_models, [](const std::weak_ptr<StoredModel>& known) { return known.expired(); });
    known_models.push_back(model);
    return new ModelRef(std::move(model));
}

void save_text(redis::Io* io, std::string_view text) { redis::SaveStringBuffer(io, text.data(), text.size()); }

void save_names(redis::Io* io, const std::vector<std::string>& names) {
    redis::SaveUnsigned(io, names.size());
    for (const std::string& name : names) {
        save_text(io, name);
    }
}

void save(redis::Io* io, void* value) {
    const StoredModel& model = *value_of(value);
    const ModelDefinition& d = model.definition;
    save_text(io, d.device);
    save_text(io, d.tag);
    for (const std::int64_t n : {d.policy.batch_size, d.policy.min_batch_size, d.policy.min_batch_timeout_ms}) {
        redis::SaveUnsigned(io, static_cast<std::uint64_t>(n));
    }
    save_names(io, d.inputs);
    save_names(io, d.outputs);
    save_text(io, model.blob);
}

std::string load_text(redis::Io* io) {
    std::size_t length = 0;
    char* data = redis::LoadStringBuffer(io, &length);
    if (redis::IsIOError(io) != 0 || data == nullptr) {
        return {};
    }
    std::string text(data, length);
    redis::Free(data);
    return text;
}

std::vector<std::string> load_names(redis::Io* io) {
    std::vector<std::string> names;
    const std::uint64_t count = std::min(redis::LoadUnsigned(io), kMaxNames);
    for (std::uint64_t i = 0; i < count && redis::IsIOError(io) == 0; ++i) {
        names.push_back(load_text(io));
    }
    return names;
}

void* load(redis::Io* io, int encoding) {
    ModelDefinition definition;
    definition.device = load_text(io);
    definition.tag = load_text(io);
    BatchPolicy& policy = definition.policy;
    for (std::int64_t* n : {&policy.batch_size, &policy.min_batch_size, &policy.min_batch_timeout_ms}) {
        *n = static_cast<std::int64_t>(redis::LoadUnsigned(io));
    }
    definition.inputs = load_names(io);
    definition.outputs = load_names(io);
    std::size_t length = 0;
    char* data = redis::LoadStringBuffer(io, &length);
    if (encoding != 0 || redis::IsIOError(io) != 0 || data == nullptr) {
        redis::LogIOError(io, "warning", "cannot read a model");
        return nullptr;
    }
    std::shared_ptr<const void> owner(data, [](const void* p) { redis::Free(const_cast<void*>(p)); });
    auto model = std::make_shared<StoredModel>(std::move(definition), std::string_view(data, length), owner);
    const redis::String* name = redis::GetKeyNameFromIO(io);
    model->name = name != nullptr ? std::string(text_of(name)) : "";
    return make_value(std::move(model));
}

// The words of an AI.MODELSTORE that makes this model, up to and without its blob.
std::vector<std::string> head_of(const ModelDefinition& d) {
    std::vector<std::string> words = {"TORCH", d.device};
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
    add_names("INPUTS", d.inputs);
    add_names("OUTPUTS", d.outputs);
    words.emplace_back("BLOB");
    return words;
}

void rewrite(redis::Io* io, redis::String* key, void* value) {
    const StoredModel& model = *value_of(value);
    std::vector<redis::String*> words;
    for (const std::string& word : head_of(model.definition)) {
        words.push_back(redis::CreateString(nullptr, word.data(), word.size()));
    }
    redis::EmitAOF(io, "AI.MODELSTORE", "svb", key, words.data(), words.size(), model.blob.data(), model.blob.size());
    for (redis::String* word : words) {
        redis::FreeString(nullptr, word);
    }
}

std::size_t memory(const void* value) {
    const StoredModel& model = **static_cast<const ModelRef*>(value);
    return sizeof model + model.blob.size();
}

void release(void* value) { delete static_cast<ModelRef*>(value); }

}  // namespace

bool ModelDefinition::operator==(const ModelDefinition& other) const {
    const auto all = [](const ModelDefinition& d) {
        return std::tie(d.device, d.tag, d.policy.batch_size, d.policy.min_batch_size, d.policy.min_batch_timeout_ms,
                        d.inputs, d.outputs);
    };
    return all(*this) == all(other);
}

bool register_model_type(redis::Context* context) {
    redis::TypeMethods methods;
    methods.rdb_load = load;
    methods.rdb_save = save;
    methods.aof_rewrite = rewrite;
    methods.mem_usage = memory;
    methods.free = release;
    model_type = redis::CreateDataType(context, "INF_MODEL", 0, &methods);
    return model_type != nullptr;
}

Result<ModelRef> find_model(redis::Context* context, redis::String* name) {
    const OpenKey key(context, name, redis::kRead);
    if (key.empty()) {
        return Error{"model key is empty", {}};
    }
    void* value = key.value(model_type);
    return value != nullptr ? Result<ModelRef>(value_of(value)) : Result<ModelRef>(wrong_type());
}

Status store_model(redis::Context* context, redis::String* name, ModelRef model) {
    const OpenKey key(context, name, redis::kRead | redis::kWrite);
    if (!key.empty() && key.value(model_type) == nullptr) {
        return wrong_type();
    }
    model->name = text_of(name);
    redis::ModuleTypeSetValue(key.get(), model_type, make_value(std::move(model)));
    return Status::ok();
}

std::vector<ModelRef> all_models() {
    std::vector<ModelRef> models;
    for (const std::weak_ptr<StoredModel>& known : known_models) {
        if (ModelRef model = known.lock()) {
            models.push_back(std::move(model));
        }
    }
    return models;
}

}  // namespace inferstep
