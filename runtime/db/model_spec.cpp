// NAME:PATH[,key=value…]
#include <algorithm>
#include <cctype>

#include "core/file.hpp"
#include "core/words.hpp"
#include "db/options.hpp"

namespace inferstep {
namespace {

constexpr long kMaxBatch = 1'000'000;  // the module's own limits
constexpr long kMaxTimeoutMs = 86'400'000;
constexpr long kMaxThreads = 256;
constexpr TensorType kTypes[] = {TensorType::float32, TensorType::float64, TensorType::int8,  TensorType::int16,
                                 TensorType::int32,   TensorType::int64,   TensorType::uint8, TensorType::uint16};

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

Status set_backend(ModelSpec& model, const std::string& what, const std::string& value) {
    model.backend = upper(value);
    const Result<std::size_t> known = parse_choice(what, model.backend, {"TORCH", "AOTI"});
    return known ? Status::ok() : Status(known.error());
}

template <typename Spec>
Status set_device(Spec& spec, const std::string& what, const std::string& value) {
    spec.device = upper(value);
    if (spec.device == "CPU" || spec.device == "GPU") {
        return Status::ok();
    }
    if (spec.device.starts_with("GPU:") && parse_number(what, spec.device.substr(4), 0, 63)) {
        return Status::ok();
    }
    return fail("{}: '{}' is no device; give cpu, gpu or gpu:N", what, value);
}

Status set_precision(ModelSpec& model, const std::string& what, const std::string& value) {
    model.precision = value;
    const Result<std::size_t> known = parse_choice(what, value, {"float32", "bfloat16", "float16"});
    return known ? Status::ok() : Status(known.error());
}

Status set_sha256(ModelSpec& model, const std::string& what, const std::string& value) {
    model.sha256 = value;
    std::transform(value.begin(), value.end(), model.sha256.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const bool hex = model.sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
    return hex && value.size() == 64 ? Status::ok() : Status(fail("{}: '{}' is not 64 hex digits", what, value));
}

// "1x3x224x224" or "1x3x224x224:FLOAT"
Status set_warmup(ModelSpec& model, const std::string& what, const std::string& value) {
    const std::size_t colon = value.find(':');
    if (colon != std::string::npos) {
        std::vector<std::string_view> names;
        for (const TensorType type : kTypes) {
            names.emplace_back(name_of(type));
        }
        const Result<std::size_t> index = parse_choice(what, upper(value.substr(colon + 1)), names);
        if (!index) {
            return index.error();
        }
        model.warmup_type = kTypes[*index];
    }
    long elements = 1;
    for (const std::string& part : split(value.substr(0, colon), 'x')) {
        const Result<long> size = parse_number(what, part, 1, 1 << 30);
        if (!size) {
            return size.error();
        }
        model.warmup.push_back(*size);
        if (__builtin_mul_overflow(elements, *size, &elements) || elements > 1 << 30) {
            return fail("{}: a tensor of shape {} is too large to warm up with", what, value);
        }
    }
    return model.warmup.empty() ? Status(fail("{}: give a shape like 1x3x224x224", what)) : Status::ok();
}

template <int ModelSpec::*field, long low, long high>
Status set_number(ModelSpec& model, const std::string& what, const std::string& value) {
    const Result<long> number = parse_number(what, value, low, high);
    if (!number) {
        return number.error();
    }
    model.*field = static_cast<int>(*number);
    return Status::ok();
}

struct Key {
    std::string_view name;
    Status (*set)(ModelSpec&, const std::string& what, const std::string& value);
};
constexpr Key kKeys[] = {
    {"backend", set_backend},
    {"device", set_device<ModelSpec>},
    {"batchsize", set_number<&ModelSpec::batch_size, 1, kMaxBatch>},
    {"minbatchsize", set_number<&ModelSpec::min_batch_size, 1, kMaxBatch>},
    {"minbatchtimeout", set_number<&ModelSpec::min_batch_timeout, 1, kMaxTimeoutMs>},
    {"threads", set_number<&ModelSpec::threads, 1, kMaxThreads>},
    {"precision", set_precision},
    {"sha256", set_sha256},
    {"warmup", set_warmup},
};

Status set_key(ModelSpec& model, const std::string& what, const std::string& word, std::vector<std::string>& seen) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
        return fail("{}: '{}' is not key=value", what, word);
    }
    const std::string key = word.substr(0, equals);
    std::vector<std::string_view> names;
    for (const Key& k : kKeys) {
        names.push_back(k.name);
    }
    const Result<std::size_t> index = parse_choice(what + ": key", key, names);
    if (!index) {
        return index.error();
    }
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
        return fail("{}: {} is given twice", what, key);
    }
    seen.push_back(key);
    return kKeys[*index].set(model, what + ": " + key, word.substr(equals + 1));
}

Status check_agreement(const ModelSpec& m, const std::string& what) {
    if (m.min_batch_size > std::max(m.batch_size, 1)) {
        return fail("{}: minbatchsize={} is more than batchsize={}", what, m.min_batch_size, m.batch_size);
    }
    if (m.backend == "AOTI" && !m.precision.empty()) {
        return fail("{}: a package has the precision that it was compiled for", what);
    }
    if (m.min_batch_timeout > 0 && m.min_batch_size == 0) {
        return fail("{}: minbatchtimeout needs minbatchsize", what);
    }
    if (!m.warmup.empty() && m.warmup[0] < m.min_batch_size && m.min_batch_timeout == 0) {
        return fail("{}: a warmup of {} samples waits forever for minbatchsize={}; give minbatchtimeout as well", what,
                    m.warmup[0], m.min_batch_size);
    }
    return Status::ok();
}

// The NAME:PATH before the first comma. False when it is none.
template <typename Spec>
bool set_name_and_path(Spec& spec, const std::string& text, const std::string& cwd) {
    spec.text = text;
    const std::string first = text.substr(0, text.find(','));
    const std::size_t colon = first.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == first.size()) {
        return false;
    }
    spec.name = first.substr(0, colon);
    spec.path = first.substr(colon + 1);
    if (spec.path[0] != '/') {
        spec.path = absolute_path(cwd + "/" + spec.path);
    }
    return true;
}

}  // namespace

Result<ScriptSpec> parse_script(const std::string& text, const std::string& cwd) {
    ScriptSpec script;
    const std::string_view key = ",device=";
    const std::size_t comma = text.find(',');
    const bool known = comma == std::string::npos || text.compare(comma, key.size(), key) == 0;
    if (!set_name_and_path(script, text, cwd) || !known) {
        return fail("--infer-script: '{}' is not NAME:PATH[,device=cpu|gpu|gpu:N]", text);
    }
    if (comma != std::string::npos) {
        if (Status s = set_device(script, "--infer-script " + script.name, text.substr(comma + key.size())); !s) {
            return s.error();
        }
    }
    return script;
}

Result<ModelSpec> parse_model(const std::string& text, const std::string& cwd) {
    ModelSpec model;
    if (!set_name_and_path(model, text, cwd)) {
        return fail("--infer-model: '{}' is not NAME:PATH[,key=value…]", text);
    }
    const std::vector<std::string> words = split(text, ',');
    const std::string what = "--infer-model " + model.name;
    std::vector<std::string> seen;
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (Status s = set_key(model, what, words[i], seen); !s) {
            return s.error();
        }
    }
    if (model.backend.empty()) {
        model.backend = model.path.ends_with(".pt2") ? "AOTI" : "TORCH";
    }
    if (Status s = check_agreement(model, what); !s) {
        return s.error();
    }
    return model;
}

}  // namespace inferstep
