// The --infer-* options: their one table, what each accepts, and the rules between them. Pure functions on text: no
// call into Slurm, no output, no allocation.
#pragma once

#include <stdlib.h>

#include "core/problem.hpp"

namespace inferstep::plugin {

enum OptionId { kColocate, kDbCpus, kDbTpq, kPinApp, kModel, kDevice, kOutdir, kTimeout, kDryRun, kVerbose, kOptions };

constexpr size_t kMaxValue = 4096;  // bytes of one value; a longer one is refused

struct OptionSpec {
    const char* name;  // without "infer-": the supervisor's name for it, and that of its default in plugstack.conf
    const char* twin;  // the environment variable that is used where the option is not given
    // nullptr: any text will do.
    bool (*check)(const OptionSpec& spec, const char* shown, const char* value, Problem& why);
    long low, high;     // of a number
    const char* words;  // of a choice
    bool has_default;   // an admin can give it one
    int has_argument;   // as getopt_long has it: 0 no, 1 yes, 2 may have
    const char* argument;
    const char* help;
};
extern const OptionSpec kTable[kOptions];

// Where a value comes from; a later one counts more.
enum class Source { none, plugstack, environment, inherited, given };

struct OptionSet {
    Source sources[kOptions] = {};
    char values[kOptions][kMaxValue + 2] = {};  // one byte more than allowed, so that a value too long can be told

    bool has(int id) const { return sources[id] != Source::none; }
    const char* text(int id) const { return values[id]; }
    long number(int id) const { return strtol(text(id), nullptr, 10); }              // of a checked number
    bool enabled(int id) const { return text(id)[0] == 'y' || text(id)[0] == '1'; }  // of a checked flag
    void set(int id, const char* value, Source source);

    // Take a value from the command line, or one that a surrounding salloc or sbatch hands on. What is given replaces
    // what is inherited. Given twice: several models add up, of other options the values must agree unless `last_wins`.
    bool take(int id, const char* value, Source source, bool last_wins, Problem& why);

    // The rules between options.
    bool check_together(Problem& why) const;
};

// Is `value` what the option accepts? `shown` is how the message calls it: "--infer-db-cpus", "INFER_DB_CPUS".
bool check_value(int id, const char* shown, const char* value, Problem& why);

// What the command line means by `value`: a flag has none, and --infer-colocate alone is one database.
const char* spelled_out(int id, const char* value);

}  // namespace inferstep::plugin
