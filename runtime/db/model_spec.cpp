// NAME:PATH[,key=value…]
#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "core/file.hpp"
#include "core/step_models.hpp"
#include "core/words.hpp"
#include "db/options.hpp"

namespace inferstep {
namespace {

constexpr TensorType kTypes[] = {TensorType::float32, TensorType::float64, TensorType::int8,  TensorType::int16,
                                 TensorType::int32,   TensorType::int64,   TensorType::uint8, TensorType::uint16};

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

std::string text_of(const Word& word) { return word.at != nullptr ? std::string(word.at, word.length) : ""; }
int number_of(const Word& word) { return word.at != nullptr ? static_cast<int>(std::strtol(word.at, nullptr, 10)) : 0; }

// "1x3x224x224" or "1x3x224x224:FLOAT"
void set_warmup(ModelSpec& model, const std::string& value) {
    const std::size_t colon = value.find(':');
    for (const TensorType type : kTypes) {
        if (colon != std::string::npos && upper(value.substr(colon + 1)) == name_of(type)) {
            model.warmup_type = type;
        }
    }
    for (const std::string& part : split(value.substr(0, colon), 'x')) {
        model.warmup.push_back(std::stol(part));
    }
}

// A key that is near one of those that there are.
std::string hint(const std::string& text) {
    std::vector<std::string_view> names;
    for (const ModelKeySpec& key : kModelKeyTable) {
        names.emplace_back(key.name);
    }
    const std::vector<std::string> words = split(text, ',');
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::string key = words[i].substr(0, words[i].find('='));
        const std::string_view meant = nearest(key, names);
        if (!meant.empty() && meant != key) {
            return fmt::format("did you mean {}?", meant);
        }
    }
    return "";
}

// The words of one item, checked as srun does, and what models and scripts have in common.
template <typename Spec>
Status read_words(int id, const std::string& text, const std::string& cwd, FileWords& words, Spec& spec) {
    Problem why;
    const std::string shown = fmt::format("--infer-{}", kTable[id].name);
    if (!check_value(id, shown.c_str(), text.c_str(), why) || !cut_file(id, shown.c_str(), text.c_str(), words, why)) {
        return with_hint(fail("{}", why.text), id == kModel ? hint(text) : "");
    }
    spec.text = text;
    spec.name = text_of(words.name);
    spec.path = text_of(words.path);
    spec.path = spec.path[0] == '/' ? spec.path : absolute_path(cwd + "/" + spec.path);
    spec.device = upper(text_of(words.keys[kKeyDevice]));
    return Status::ok();
}

}  // namespace

Result<ScriptSpec> parse_script(const std::string& text, const std::string& cwd) {
    ScriptSpec script;
    FileWords words;
    const Status s = read_words(kScript, text, cwd, words, script);
    return s ? Result<ScriptSpec>(std::move(script)) : Result<ScriptSpec>(s.error());
}

Result<ModelSpec> parse_model(const std::string& text, const std::string& cwd) {
    ModelSpec model;
    FileWords words;
    if (const Status s = read_words(kModel, text, cwd, words, model); !s) {
        return s.error();
    }
    model.backend = upper(text_of(words.keys[kKeyBackend]));
    if (model.backend.empty()) {
        model.backend = model.path.ends_with(".pt2") ? "AOTI" : "TORCH";
    }
    model.batch_size = number_of(words.keys[kKeyBatchSize]);
    model.min_batch_size = number_of(words.keys[kKeyMinBatchSize]);
    model.min_batch_timeout = number_of(words.keys[kKeyMinBatchTimeout]);
    model.threads = number_of(words.keys[kKeyThreads]);
    model.precision = lower(text_of(words.keys[kKeyPrecision]));
    model.sha256 = lower(text_of(words.keys[kKeySha256]));
    if (words.keys[kKeyWarmup].at != nullptr) {
        set_warmup(model, text_of(words.keys[kKeyWarmup]));
    }
    return model;
}

}  // namespace inferstep
