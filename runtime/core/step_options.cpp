#include "core/step_options.hpp"

#include <ctype.h>
#include <string.h>

#include "core/attach.hpp"
#include "core/step_models.hpp"

namespace inferstep {
namespace {

constexpr const char* kSizes = "a size from 1K to 1048576T, such as 512M or 8G";

// As the kernel names interfaces: up to 15 bytes. Nothing in it can end a line of a configuration file, or a word.
bool is_interface(const char* value) {
    const size_t plain = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-@");
    return value[plain] == '\0' && plain > 0 && plain <= 15 && value[0] != '-' && value[0] != '.';
}

bool check_kind(int id, const char* shown, const char* value, Problem& why) {
    const OptionSpec& spec = kTable[id];
    switch (spec.kind) {
        case Kind::number:
            return is_number(value, strlen(value), spec.low, spec.high) ||
                   why.is("%s wants a whole number from %ld to %ld, not '%.80s'", shown, spec.low, spec.high, value);
        case Kind::size:
            return parse_size(value) != 0 || why.is("%s wants %s, not '%.80s'", shown, kSizes, value);
        case Kind::choice:
        case Kind::flag:
            return is_one_of(value, strlen(value), spec.words) ||
                   why.is("%s wants one of %s, not '%.80s'", shown, spec.words, value);
        case Kind::models:
        case Kind::scripts:
            return check_files(id, shown, value, why);
        case Kind::interface:
            return is_interface(value) || why.is("%s wants the name of an interface, not '%.80s'", shown, value);
        case Kind::database:
            return is_attach_word(value) ||
                   why.is("%s wants JOB.STEP or HOST:PORT[,HOST:PORT…], not '%.80s'", shown, value);
        case Kind::directory:
            return true;
    }
    return false;
}

}  // namespace

uint64_t parse_size(const char* text) {
    constexpr const char* kUnits = "KMGT";
    constexpr long kMost = 1 << 20;
    const size_t length = strlen(text);
    const char* unit = length > 1 ? strchr(kUnits, toupper(static_cast<unsigned char>(text[length - 1]))) : nullptr;
    if (unit == nullptr || !is_number(text, length - 1, 1, kMost)) {
        return 0;
    }
    return static_cast<uint64_t>(strtol(text, nullptr, 10)) << (10 * (unit - kUnits + 1));
}

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
    if (again && (id == kModel || id == kScript)) {
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

bool OptionSet::wants_tcp() const {
    return has(kDbPort) || sources[kNetIfname] > Source::plugstack || sources[kTcpAuth] > Source::plugstack;
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
    if (has(kDbCpus) && number(kDbCpus) < number(kColocate)) {
        return why.is("--infer-db-cpus=%s is too few for --infer-colocate=%s: every database needs a CPU",
                      text(kDbCpus), text(kColocate));
    }
    if (has(kNumDevices) && strcmp(text(kDevice), "cpu") == 0) {
        return why.is("--infer-num-devices=%s is about GPUs, and --infer-device=cpu uses none", text(kNumDevices));
    }
    if (!check_files_together(*this, why)) {
        return false;
    }
    return !has(kDbPort) || number(kDbPort) + number(kColocate) - 1 <= kMaxPort ||
           why.is("--infer-db-port=%s leaves too few ports for --infer-colocate=%s: every database needs one",
                  text(kDbPort), text(kColocate));
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
    return check_kind(id, shown, value, why);
}

const char* spelled_out(int id, const char* value) {
    const char* bare = kTable[id].has_argument == 0 ? "yes" : "1";
    const bool none = *value == '\0' || strcmp(value, "(null)") == 0;  // so Slurm hands on to the steps of a job
    return none && kTable[id].has_argument != 1 ? bare : value;
}

}  // namespace inferstep
