// What a step asks for, out of all its sources, and what the administrator allows: defaults and limits, which stand in
// plugstack.conf. Like core/step_options.hpp libc alone; nothing here opens a file.
#pragma once

#include "core/step_options.hpp"

namespace inferstep {

// limit-…=VALUE in plugstack.conf. What can be known in srun is refused there, and all of it on the node, where the
// supervisor is told the same words: the share of the CPUs and of the memory, and where a model really lies.
enum LimitId { kLimitColocate, kLimitDbCpus, kLimitDbMemory, kLimitDevice, kLimitModel, kLimitTcp, kLimits };

enum class LimitKind { number, share, choice, roots };

struct LimitSpec {
    const char* name;
    LimitKind kind;
    long high;          // of a number, from 1
    const char* words;  // of a choice
    const char* argument;
    const char* help;
};
constexpr LimitSpec kLimitTable[kLimits] = {
    {"limit-colocate", LimitKind::number, kMaxInstances, "", "N", "databases on each node"},
    {"limit-db-cpus", LimitKind::share, 100, "", "P%", "share of the step's CPUs on a node for its databases"},
    {"limit-db-memory", LimitKind::share, 100, "", "P%", "share of the step's memory on a node for its databases"},
    {"limit-device", LimitKind::choice, 0, "cpu|gpu", "cpu|gpu", "the only kind of device that models may have"},
    {"limit-model", LimitKind::roots, 0, "", "DIR[,DIR...]", "where the files of models and scripts may lie"},
    {"limit-tcp", LimitKind::choice, 0, "no|secret", "no|secret", "TCP not at all, or with the secret alone"},
};

// The admin's words for all this; nullptr: none.
struct AdminWords {
    const char* defaults[kOptions] = {};
    const char* limits[kLimits] = {};

    // The number of a checked number or share; 0: there is no such limit.
    long limit(int id) const { return limits[id] != nullptr ? strtol(limits[id], nullptr, 10) : 0; }
};

// Is `value` what the limit accepts?
bool check_limit(int id, const char* shown, const char* value, Problem& why);

// Finds a variable in the environment that counts here: its value or nullptr (not set, or empty), valid until the next
// call.
using FindVariable = const char* (*)(void* where, const char* name);

// Complete the options by their environment twins and the admin's defaults …
void complete(OptionSet& options, const AdminWords& admin, FindVariable find, void* where);

// … check every one, whatever it comes from, the rules between them, and the admin's limits.
bool check(OptionSet& options, const AdminWords& admin, Problem& why);

// The table of all options: the value in force, where it comes from, the admin's limits. On standard output.
void print_options(const OptionSet& options, const AdminWords& admin);

}  // namespace inferstep
