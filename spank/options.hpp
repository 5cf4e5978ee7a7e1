// The --infer-* options: their one table, what each accepts, and the rules between them. Pure functions on text: no
// call into Slurm, no output, no allocation.
#pragma once

#include <stdlib.h>

#include "core/page.hpp"
#include "core/problem.hpp"

namespace inferstep::plugin {

enum OptionId {
    kColocate,
    kDbCpus,
    kDbTpq,
    kPinApp,
    kModel,
    kDevice,
    kOutdir,
    kTimeout,
    kDryRun,
    kVerbose,
    kAttach,
    kOptions
};

constexpr size_t kMaxValue = 4096;  // bytes of one value; a longer one is refused

enum class Kind { number, choice, directory, models, database };

struct OptionSpec {
    const char* name;  // without "infer-": the supervisor's name for it, and that of its default in plugstack.conf
    const char* twin;  // the environment variable that is used where the option is not given
    Kind kind;
    long low, high;     // of a number
    const char* words;  // of a choice
    bool has_default;   // an admin can give it one
    int has_argument;   // as getopt_long has it: 0 no, 1 yes, 2 may have
    const char* argument;
    const char* help;
};
constexpr OptionSpec kTable[kOptions] = {
    {"colocate", "INFER_COLOCATE", Kind::number, 1, kMaxInstances, "", false, 2, "N",
     "[infer] start N inference databases on each node, beside the tasks (default 1)"},
    {"db-cpus", "INFER_DB_CPUS", Kind::number, 1, kMaxCpus, "", true, 1, "K",
     "[infer] CPUs of each node for the databases (default 2, at least one each)"},
    {"db-tpq", "INFER_DB_TPQ", Kind::number, 1, kMaxCpus, "", true, 1, "T",
     "[infer] worker threads for each device of a database (default 1)"},
    {"pin-app", "INFER_PIN_APP", Kind::choice, 0, 0, "yes|no", true, 1, "yes|no",
     "[infer] keep the tasks off the databases' CPUs (default yes)"},
    {"model", "INFER_MODEL", Kind::models, 0, 0, "", true, 1, "NAME:PATH[,key=value]",
     "[infer] load this model before the tasks start; may be repeated"},
    {"device", "INFER_DEVICE", Kind::choice, 0, 0, "cpu|gpu|auto", true, 1, "cpu|gpu|auto",
     "[infer] where models run (default auto)"},
    {"outdir", "INFER_OUTDIR", Kind::directory, 0, 0, "", true, 1, "DIR",
     "[infer] write the records of the step below this directory"},
    {"timeout", "INFER_TIMEOUT", Kind::number, 1, 86400, "", true, 1, "S",
     "[infer] seconds until the databases must be ready (default 60)"},
    {"dry-run", "INFER_DRY_RUN", Kind::choice, 0, 0, "yes|no|1|0", false, 0, nullptr,
     "[infer] show the plan of each node and start nothing"},
    {"verbose", "INFER_VERBOSE", Kind::choice, 0, 0, "yes|no|1|0", true, 0, nullptr,
     "[infer] show the plan of each node and when it is ready"},
    {"attach", "INFER_ATTACH", Kind::database, 0, 0, "", false, 1, "JOB.STEP|ADDR[,ADDR]",
     "[infer] use a standard database that is there instead of starting one"},
};

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
