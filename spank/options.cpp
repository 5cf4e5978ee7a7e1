#include "options.hpp"

#include <ctype.h>

#include "core/attach.hpp"

namespace inferstep::plugin {
namespace {

// One key=value of a model. The supervisor knows what each key means; refused here is what can mean nothing.
bool check_model_key(const char* shown, const char* word, size_t length, Problem& why) {
    constexpr const char* kKeys =
        "backend|device|batchsize|minbatchsize|minbatchtimeout|threads|precision|sha256|warmup";
    const size_t key = strcspn(word, "=,;");
    const char* value = word + (key < length ? key + 1 : length);
    const auto rest = static_cast<size_t>(word + length - value);
    bool fine = rest > 0;
    const char* wants = "a value";
    if (!is_one_of(word, key, kKeys)) {
        return why.is("%s: a model has no key '%.*s'; its keys are %s", shown, static_cast<int>(key), word, kKeys);
    }
    if (is_one_of(word, key, "batchsize|minbatchsize|minbatchtimeout")) {
        fine = is_number(value, rest, 1, 1 << 20);
        wants = "a whole number from 1 to 1048576";
    } else if (is_one_of(word, key, "threads")) {
        fine = is_number(value, rest, 1, 256);
        wants = "a whole number from 1 to 256";
    } else if (is_one_of(word, key, "precision")) {
        fine = is_one_of(value, rest, "float32|bfloat16|float16");
        wants = "float32, bfloat16 or float16";
    } else if (is_one_of(word, key, "sha256")) {
        fine = rest == 64 && strspn(value, "0123456789abcdefABCDEF") == rest;
        wants = "64 hexadecimal digits";
    }
    return fine || why.is("%s: a model's %.*s wants %s, not '%.*s'", shown, static_cast<int>(key), word, wants,
                          static_cast<int>(rest), value);
}

// NAME:PATH[,key=value…][;NAME:PATH…]
bool check_models(const char* shown, const char* value, Problem& why) {
    for (const char* item = value;; ++item) {
        const size_t length = strcspn(item, ";");
        const size_t file = strcspn(item, ",;");
        const size_t name = strcspn(item, ":,;");
        if (name == 0 || name + 1 >= file) {
            return why.is("%s wants NAME:PATH[,key=value…], not '%.*s'", shown, static_cast<int>(length), item);
        }
        for (size_t at = file; at < length;) {
            const size_t word = strcspn(item + at + 1, ",;");
            if (!check_model_key(shown, item + at + 1, word, why)) {
                return false;
            }
            at += word + 1;
        }
        item += length;
        if (*item == '\0') {
            return true;
        }
    }
}

}  // namespace

void OptionSet::set(int id, const char* value, Source source) {
    sources[id] = source;
    snprintf(values[id], sizeof values[id], "%s", value);
}

bool OptionSet::take(int id, const char* value, Source source, bool last_wins, Problem& why) {
    char* taken = values[id];
    const bool again = sources[id] == Source::given && strcmp(taken, value) != 0;
    if (again && source == Source::inherited) {
        return true;  // each component of a heterogeneous step reads the environment anew
    }
    if (again && id == kModel) {
        const size_t used = strlen(taken);
        if (!ends_with_item(taken, value)) {
            snprintf(taken + used, sizeof values[id] - used, ";%s", value);
        }
        return true;
    }
    if (again && !last_wins) {
        return why.is("--infer-%s is given twice, as '%.80s' and as '%.80s'", kTable[id].name, taken, value);
    }
    set(id, value, source);
    return true;
}

bool OptionSet::check_together(Problem& why) const {
    for (int id = 0; id < kOptions && !has(kColocate); ++id) {
        if (sources[id] == Source::given && id != kAttach) {
            return why.is("--infer-%s is about databases, and there are none: add --infer-colocate", kTable[id].name);
        }
    }
    if (has(kColocate) && has(kAttach)) {
        return why.is("--infer-attach uses a database that is there, --infer-colocate starts one: give one of them");
    }
    return !has(kDbCpus) || number(kDbCpus) >= number(kColocate) ||
           why.is("--infer-db-cpus=%s is too few for --infer-colocate=%s: every database needs a CPU", text(kDbCpus),
                  text(kColocate));
}

bool check_value(int id, const char* shown, const char* value, Problem& why) {
    if (strlen(value) > kMaxValue) {
        return why.is("%s is longer than %zu bytes", shown, kMaxValue);
    }
    for (const char* c = value; *c != '\0'; ++c) {
        if (iscntrl(static_cast<unsigned char>(*c)) != 0) {
            return why.is("%s has a control character: '%.80s'", shown, value);
        }
    }
    if (*value == '\0') {
        return why.is("%s wants a value", shown);
    }
    const OptionSpec& spec = kTable[id];
    switch (spec.kind) {
        case Kind::number:
            return is_number(value, strlen(value), spec.low, spec.high) ||
                   why.is("%s wants a whole number from %ld to %ld, not '%.80s'", shown, spec.low, spec.high, value);
        case Kind::choice:
            return is_one_of(value, strlen(value), spec.words) ||
                   why.is("%s wants one of %s, not '%.80s'", shown, spec.words, value);
        case Kind::models:
            return check_models(shown, value, why);
        case Kind::database:
            return is_attach_word(value) ||
                   why.is("%s wants JOB.STEP or HOST:PORT[,HOST:PORT…], not '%.80s'", shown, value);
        case Kind::directory:
            return true;
    }
    return false;
}

const char* spelled_out(int id, const char* value) {
    const char* bare = kTable[id].has_argument == 0 ? "yes" : "1";
    return *value == '\0' && kTable[id].has_argument != 1 ? bare : value;
}

}  // namespace inferstep::plugin
