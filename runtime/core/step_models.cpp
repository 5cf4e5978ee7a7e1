#include "core/step_models.hpp"

#include <string.h>

#include "core/cwords.hpp"
#include "core/step_options.hpp"

namespace inferstep {
namespace {

constexpr long kMaxElements = 1L << 30;  // of a warm-up

int shown_length(const Word& word) { return static_cast<int>(word.length < 80 ? word.length : 80); }
bool is_same(const Word& a, const Word& b) { return a.length == b.length && memcmp(a.at, b.at, a.length) == 0; }

// Is `word` one of the words of "a|b|c", in any case?
bool is_one_of_any_case(const Word& word, const char* words) {
    return is_one_of(word.at, word.length, words, '|', strncasecmp);
}

bool is_device(const Word& value) {
    return is_one_of_any_case(value, kModelKeyTable[kKeyDevice].words) ||
           (value.length > 4 && strncasecmp(value.at, "gpu:", 4) == 0 &&
            is_number(value.at + 4, value.length - 4, 0, kMaxGpus - 1));
}

// 1x3x224x224, 1x3x224x224:FLOAT
bool is_shape(const Word& value) {
    const char* end = value.at + value.length;
    const char* part = value.at;
    long elements = 1;
    while (true) {
        const size_t digits = strspn(part, "0123456789");
        if (part + digits > end || !is_number(part, digits, 1, kMaxElements - 1) ||
            __builtin_mul_overflow(elements, strtol(part, nullptr, 10), &elements) || elements > kMaxElements) {
            return false;
        }
        part += digits;
        if (part == end || *part != 'x') {
            break;
        }
        ++part;
    }
    return part == end ||
           (*part == ':' && is_one_of_any_case({part + 1, static_cast<size_t>(end - part) - 1}, kTensorTypes));
}

bool is_value(int key, const Word& value) {
    const ModelKeySpec& spec = kModelKeyTable[key];
    if (spec.high != 0) {
        return is_number(value.at, value.length, 1, spec.high);
    }
    switch (key) {
        case kKeyDevice:
            return is_device(value);
        case kKeySha256:
            return value.length == 64 && strspn(value.at, "0123456789abcdefABCDEF") == value.length;
        case kKeyWarmup:
            return is_shape(value);
        default:
            return is_one_of_any_case(value, spec.words);
    }
}

// The key of "key=value"; kModelKeys: none. A script has the one key that says where it runs.
int find_key(int id, const char* word, size_t length) {
    for (int key = 0; key < kModelKeys; ++key) {
        if (is_one_of(word, length, kModelKeyTable[key].name) && (id == kModel || key == kKeyDevice)) {
            return key;
        }
    }
    return kModelKeys;
}

bool take_key(int id, const char* shown, const Word& word, FileWords& words, Problem& why) {
    const size_t length = strcspn(word.at, "=,;");
    const int key = find_key(id, word.at, length);
    const int name = shown_length(words.name);
    if (key == kModelKeys) {
        return why.is("%s %.*s: '%.*s' is no key; %s", shown, name, words.name.at, shown_length({word.at, length}),
                      word.at,
                      id == kModel ? "the keys are backend, device, batchsize, minbatchsize, minbatchtimeout, threads, "
                                     "precision, sha256, warmup"
                                   : "the key is device");
    }
    if (words.keys[key].at != nullptr) {
        return why.is("%s %.*s: %s is given twice", shown, name, words.name.at, kModelKeyTable[key].name);
    }
    const size_t before = length < word.length ? length + 1 : length;
    words.keys[key] = {word.at + before, word.length - before};
    return is_value(key, words.keys[key]) ||
           why.is("%s %.*s: %s wants %s, not '%.*s'", shown, name, words.name.at, kModelKeyTable[key].name,
                  kModelKeyTable[key].wants, shown_length(words.keys[key]), words.keys[key].at);
}

long number_of(const FileWords& words, int key) {
    return words.keys[key].at != nullptr ? strtol(words.keys[key].at, nullptr, 10) : 0;
}

// The rules between the keys of one model.
bool check_agreement(const char* shown, const FileWords& words, Problem& why) {
    const int length = shown_length(words.name);
    const char* name = words.name.at;
    const long most = number_of(words, kKeyBatchSize);
    const long least = number_of(words, kKeyMinBatchSize);
    const bool has_timeout = words.keys[kKeyMinBatchTimeout].at != nullptr;
    const Word& backend = words.keys[kKeyBackend];
    const bool package = backend.at != nullptr
                             ? is_one_of_any_case(backend, "aoti")
                             : words.path.length > 4 && strncmp(words.path.at + words.path.length - 4, ".pt2", 4) == 0;
    if (least > (most > 1 ? most : 1)) {
        return why.is("%s %.*s: minbatchsize=%ld is more than batchsize=%ld", shown, length, name, least, most);
    }
    if (package && words.keys[kKeyPrecision].at != nullptr) {
        return why.is("%s %.*s: a package has the precision that it was compiled for", shown, length, name);
    }
    if (has_timeout && least == 0) {
        return why.is("%s %.*s: minbatchtimeout needs minbatchsize", shown, length, name);
    }
    const long samples = number_of(words, kKeyWarmup);
    return samples == 0 || samples >= least || has_timeout ||
           why.is("%s %.*s: a warmup of %ld samples waits forever for minbatchsize=%ld; give minbatchtimeout as well",
                  shown, length, name, samples, least);
}

// Calls each(words) for every item of a checked list until one is false.
template <typename Each>
bool for_each_file(const OptionSet& options, int id, Each&& each) {
    FileWords words;
    Problem why;
    for (const char* item = options.text(id); options.has(id) && *item != '\0'; item += *item == ';' ? 1 : 0) {
        if (!cut_file(id, "", item, words, why) || !each(words)) {
            return false;
        }
        item += words.all.length;
    }
    return true;
}

}  // namespace

bool cut_file(int id, const char* shown, const char* text, FileWords& words, Problem& why) {
    const size_t file = strcspn(text, ",;");
    const size_t name = strcspn(text, ":,;");
    words = FileWords{};
    words.all = {text, strcspn(text, ";")};
    words.name = {text, name};
    if (name == 0 || name + 1 >= file) {
        return why.is("%s wants %s, not '%.*s'", shown, kTable[id].argument, shown_length(words.all), text);
    }
    words.path = {text + name + 1, file - name - 1};
    for (size_t at = file; at < words.all.length;) {
        const Word word{text + at + 1, strcspn(text + at + 1, ",;")};
        if (!take_key(id, shown, word, words, why)) {
            return false;
        }
        at += word.length + 1;
    }
    return id != kModel || check_agreement(shown, words, why);
}

bool check_files(int id, const char* shown, const char* value, Problem& why) {
    FileWords words;
    FileWords other;
    Problem ignored;
    for (const char* item = value;; ++item) {
        if (!cut_file(id, shown, item, words, why)) {
            return false;
        }
        for (const char* before = value; before < item; before += other.all.length + 1) {
            if (cut_file(id, shown, before, other, ignored) && is_same(other.name, words.name)) {
                return why.is("%s: two have the name '%.*s'", shown, shown_length(words.name), words.name.at);
            }
        }
        item += words.all.length;
        if (*item == '\0') {
            return true;
        }
    }
}

bool check_files_together(const OptionSet& options, Problem& why) {
    const bool no_gpu = strcmp(options.has(kDevice) ? options.text(kDevice) : "", "cpu") == 0;
    for (const int id : {kModel, kScript}) {
        const bool fine = for_each_file(options, id, [&](const FileWords& file) {
            const Word& device = file.keys[kKeyDevice];
            return !no_gpu || device.at == nullptr || is_one_of_any_case(device, "cpu") ||
                   why.is("--infer-%s %.*s: device=%.*s contradicts --infer-device=cpu", kTable[id].name,
                          shown_length(file.name), file.name.at, shown_length(device), device.at);
        });
        if (!fine) {
            return false;
        }
    }
    return for_each_file(options, kScript, [&](const FileWords& script) {
        return for_each_file(options, kModel, [&](const FileWords& model) {
            return !is_same(script.name, model.name) ||
                   why.is("--infer-script: the name '%.*s' is a model's", shown_length(script.name), script.name.at);
        });
    });
}

}  // namespace inferstep
