#include "core/step_request.hpp"

#include <stdio.h>
#include <string.h>

#include "core/cwords.hpp"

namespace inferstep {
namespace {

constexpr const char* kSources[] = {"built in", "plugstack.conf", "environment", "salloc, sbatch", "command line"};

bool is_share(const char* value) {
    const size_t length = strlen(value);
    return length > 1 && value[length - 1] == '%' && is_number(value, length - 1, 1, 100);
}

bool are_roots(const char* value) {
    for (const char* root = value;; ++root) {
        const size_t length = strcspn(root, ",");
        if (*root != '/' || length > kMaxValue) {
            return false;
        }
        root += length;
        if (*root == '\0') {
            return true;
        }
    }
}

// Name a value as its source does.
void name_of(const OptionSet& options, int id, char (&shown)[64]) {
    switch (options.sources[id]) {
        case Source::environment:
            snprintf(shown, sizeof shown, "%s", kTable[id].twin);
            break;
        case Source::plugstack:
            snprintf(shown, sizeof shown, "plugstack.conf: %s", kTable[id].name);
            break;
        default:
            snprintf(shown, sizeof shown, "--infer-%s", kTable[id].name);
    }
}

bool beyond(const OptionSet& options, int id, const AdminWords& admin, int limit, Problem& why) {
    char shown[64];
    name_of(options, id, shown);
    const bool of_admin = options.sources[id] == Source::plugstack;
    return why.is("%s=%.80s: the administrator's %s=%s does not allow it%s", shown, options.text(id),
                  kLimitTable[limit].name, admin.limits[limit],
                  of_admin ? ", and plugstack.conf has both: to be mended there" : "");
}

// What is known without the step's CPUs, memory and files.
bool check_limits(const OptionSet& options, const AdminWords& admin, Problem& why) {
    const char* device = admin.limits[kLimitDevice];
    const char* tcp = admin.limits[kLimitTcp];
    if (admin.limits[kLimitColocate] != nullptr && options.number(kColocate) > admin.limit(kLimitColocate)) {
        return beyond(options, kColocate, admin, kLimitColocate, why);
    }
    if (device != nullptr && options.has(kDevice) && strcmp(options.text(kDevice), device) != 0) {
        return beyond(options, kDevice, admin, kLimitDevice, why);
    }
    if (tcp != nullptr && options.wants_tcp()) {
        const bool forbidden = strcmp(tcp, "no") == 0;
        for (const int id : {kDbPort, kNetIfname, kTcpAuth}) {
            const bool open = id == kTcpAuth && strcmp(options.text(id), "none") == 0;
            if (options.has(id) && (forbidden || open)) {
                return beyond(options, id, admin, kLimitTcp, why);
            }
        }
    }
    return true;
}

}  // namespace

bool check_limit(int id, const char* shown, const char* value, Problem& why) {
    const LimitSpec& spec = kLimitTable[id];
    switch (spec.kind) {
        case LimitKind::number:
            return is_number(value, strlen(value), 1, spec.high) ||
                   why.is("%s wants a whole number from 1 to %ld, not '%.80s'", shown, spec.high, value);
        case LimitKind::share:
            return is_share(value) || why.is("%s wants a share from 1%% to 100%%, not '%.80s'", shown, value);
        case LimitKind::choice:
            return is_one_of(value, strlen(value), spec.words) ||
                   why.is("%s wants one of %s, not '%.80s'", shown, spec.words, value);
        case LimitKind::roots:
            return are_roots(value) || why.is("%s wants absolute paths, not '%.80s'", shown, value);
    }
    return false;
}

void complete(OptionSet& options, const AdminWords& admin, FindVariable find, void* where) {
    for (int id = 0; id < kOptions; ++id) {
        const char* twin = options.has(id) ? nullptr : find(where, kTable[id].twin);
        if (twin != nullptr) {
            options.set(id, twin, Source::environment);
        } else if (admin.defaults[id] != nullptr && !options.has(id)) {
            options.set(id, admin.defaults[id], Source::plugstack);
        }
    }
    // An admin's default that the rest of the request has no use for is no mistake of the user's.
    Source& cpus = options.sources[kDbCpus];
    if (cpus == Source::plugstack && options.number(kDbCpus) < options.number(kColocate)) {
        cpus = Source::none;  // the built-in default has enough
    }
    if (!options.wants_tcp()) {
        options.sources[kNetIfname] = options.sources[kTcpAuth] = Source::none;
    }
    // Where the user lets everybody in, only an interface that the user named will do.
    const bool open = options.sources[kTcpAuth] > Source::plugstack && strcmp(options.text(kTcpAuth), "none") == 0;
    if (open && options.sources[kNetIfname] == Source::plugstack) {
        options.sources[kNetIfname] = Source::none;
    }
    const char* device = admin.limits[kLimitDevice];
    if (device != nullptr && (!options.has(kDevice) || strcmp(options.text(kDevice), "auto") == 0)) {
        options.set(kDevice, device, options.has(kDevice) ? options.sources[kDevice] : Source::plugstack);
    }
    Source& gpus = options.sources[kNumDevices];
    if (gpus == Source::plugstack && options.has(kDevice) && strcmp(options.text(kDevice), "cpu") == 0) {
        gpus = Source::none;
    }
}

bool check(OptionSet& options, const AdminWords& admin, Problem& why) {
    for (int id = 0; id < kOptions; ++id) {
        char shown[64];
        name_of(options, id, shown);
        if (options.has(id) && !check_value(id, shown, options.text(id), why)) {
            return false;
        }
    }
    return options.check_together(why) && check_limits(options, admin, why);
}

void print_options(const OptionSet& options, const AdminWords& admin) {
    printf("%-42s %-22s %-15s %s\n", "OPTION", "VALUE", "FROM", "MEANING");
    for (int id = 0; id < kOptions; ++id) {
        const OptionSpec& spec = kTable[id];
        const bool has = options.has(id);
        Problem name;
        Problem value;  // it takes the control characters out
        name.is(spec.has_argument == 0   ? "--infer-%s"
                : spec.has_argument == 1 ? "--infer-%s=%s"
                                         : "--infer-%s[=%s]",
                spec.name, spec.argument);
        value.is("%s", has ? options.text(id) : *spec.builtin != '\0' ? spec.builtin : "-");
        printf("%-42s %-22s %-15s %s\n", name.text, value.text, kSources[static_cast<int>(options.sources[id])],
               spec.help);
    }
    printf("\nLIMITS, set by the administrator in plugstack.conf\n");
    for (int id = 0; id < kLimits; ++id) {
        Problem name;
        Problem value;
        name.is("%s=%s", kLimitTable[id].name, kLimitTable[id].argument);
        value.is("%s", admin.limits[id] != nullptr ? admin.limits[id] : "-");
        printf("%-42s %-22s %-15s %s\n", name.text, value.text, "", kLimitTable[id].help);
    }
}

}  // namespace inferstep
