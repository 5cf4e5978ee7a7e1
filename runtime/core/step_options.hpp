// The --infer-* options: their one table, what each accepts, and the rules between them. The plugin reads them in srun,
// sbatch, salloc and slurmstepd; `inferstep run` and `inferstep db serve` have the same without "infer-".
//
// Pure functions on text: no output, no allocation, libc alone. The words that a message shows are the user's: Problem
// takes out what could forge a line.
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include "core/page.hpp"
#include "core/problem.hpp"

namespace inferstep {

enum OptionId {
    kColocate,
    kDbCpus,
    kDbTpq,
    kDbMemory,
    kPinApp,
    kModel,
    kScript,
    kDevice,
    kNumDevices,
    kDbPort,
    kNetIfname,
    kTcpAuth,
    kOutdir,
    kTimeout,
    kOnDbFailure,
    kDryRun,
    kVerbose,
    kAttach,
    kOptions
};

constexpr size_t kMaxValue = 4096;  // bytes of one value; a longer one is refused
constexpr long kMaxGpus = 64;       // of a node
constexpr long kMaxPort = 65'535;
constexpr long kDefaultPort = 6780;  // of the first database, where TCP is asked for without --infer-db-port

enum class Kind { number, size, choice, flag, models, scripts, interface, database, directory };

struct OptionSpec {
    const char* name;  // without "infer-": our own programs' name for it, and that of its default in plugstack.conf
    const char* twin;  // the environment variable that is used where the option is not given
    Kind kind;
    long low, high;       // of a number
    const char* words;    // of a choice or a flag
    const char* builtin;  // what holds where nobody says anything else; empty: see `help`
    bool has_default;     // an admin can give it one
    int has_argument;     // as getopt_long has it: 0 no, 1 yes, 2 may have
    const char* argument;
    const char* help;
};
constexpr OptionSpec kTable[kOptions] = {
    {"colocate", "INFER_COLOCATE", Kind::number, 1, kMaxInstances, "", "", false, 2, "N",
     "databases on each node, beside the tasks (without N: 1)"},
    {"db-cpus", "INFER_DB_CPUS", Kind::number, 1, kMaxCpus, "", "", true, 1, "K",
     "CPUs of each node for the databases, taken from the tasks (default: 2, or one per database)"},
    {"db-tpq", "INFER_DB_TPQ", Kind::number, 1, kMaxCpus, "", "1", true, 1, "T",
     "worker threads per device of a database (default: 1)"},
    {"db-memory", "INFER_DB_MEMORY", Kind::size, 0, 0, "", "", true, 1, "SIZE",
     "memory of each node for the databases, such as 512M or 8G (default: half of the step's)"},
    {"pin-app", "INFER_PIN_APP", Kind::choice, 0, 0, "yes|no", "yes", true, 1, "yes|no",
     "keep the tasks off the databases' CPUs (default: yes)"},
    {"model", "INFER_MODEL", Kind::models, 0, 0, "", "", true, 1, "NAME:PATH[,key=value...]",
     "load a model before the tasks start; may be repeated. Keys: backend, device, batchsize, minbatchsize, "
     "minbatchtimeout, threads, precision, sha256, warmup"},
    {"script", "INFER_SCRIPT", Kind::scripts, 0, 0, "", "", true, 1, "NAME:PATH[,device=D]",
     "store TorchScript source before the tasks start; may be repeated"},
    {"device", "INFER_DEVICE", Kind::choice, 0, 0, "auto|cpu|gpu", "auto", true, 1, "auto|cpu|gpu",
     "where models run (default: auto)"},
    {"num-devices", "INFER_NUM_DEVICES", Kind::number, 1, kMaxGpus, "", "", true, 1, "D",
     "GPUs of each node for the databases (default: all of the step's)"},
    {"db-port", "INFER_DB_PORT", Kind::number, 0, kMaxPort, "", "", false, 1, "P",
     "listen on TCP as well, the first database on port P; 0: on free ports (default: Unix sockets only; 6780 with one "
     "of the next two)"},
    {"net-ifname", "INFER_NET_IFNAME", Kind::interface, 0, 0, "", "", true, 1, "IF",
     "the interface to listen on (default: lo)"},
    {"tcp-auth", "INFER_TCP_AUTH", Kind::choice, 0, 0, "secret|none", "secret", true, 1, "secret|none",
     "what a client on TCP needs to know (default: secret)"},
    {"outdir", "INFER_OUTDIR", Kind::directory, 0, 0, "", "", true, 1, "DIR",
     "write the records of the step below DIR"},
    {"timeout", "INFER_TIMEOUT", Kind::number, 1, 86'400, "", "60", true, 1, "S",
     "seconds until everything must be ready (default: 60)"},
    {"on-db-failure", "INFER_ON_DB_FAILURE", Kind::choice, 0, 0, "fail|restart", "fail", true, 1, "fail|restart",
     "what happens when a database dies (default: fail, which ends the step)"},
    {"dry-run", "INFER_DRY_RUN", Kind::flag, 0, 0, "yes|no|1|0", "no", false, 0, nullptr, "show the plan and stop"},
    {"verbose", "INFER_VERBOSE", Kind::flag, 0, 0, "yes|no|1|0", "no", true, 0, nullptr,
     "show the plan and when what is ready"},
    {"attach", "INFER_ATTACH", Kind::database, 0, 0, "", "", false, 1, "JOB.STEP|ADDR[,ADDR...]",
     "use this standard database; start none"},
};

// SmartSim's names for the same things: of Model.colocate_db() and of its benchmark's drivers. Slurm writes options
// with dashes.
struct Alias {
    const char* name;
    int id;
    const char* help;
};
constexpr Alias kAliases[] = {
    {"port", kDbPort, "SmartSim's name for db-port"},
    {"ifname", kNetIfname, "SmartSim's name for net-ifname"},
    {"threads-per-queue", kDbTpq, "SmartSim's name for db-tpq"},
    {"limit-app-cpus", kPinApp, "SmartSim's name for pin-app"},
    {"pin-app-cpus", kPinApp, "SmartSim's name for pin-app"},
};

constexpr const char* kHelpHelp = "show these options, their values here and where they come from, and stop";

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
    // what is inherited. Given twice: several models (or scripts) add up, of other options the values must agree unless
    // `last_wins`.
    bool take(int id, const char* value, Source source, bool last_wins, Problem& why);

    // Is TCP asked for? An admin's default interface is none of the user's wish to be reached.
    bool wants_tcp() const;

    // The rules between options.
    bool check_together(Problem& why) const;
};

// Is `value` what the option accepts? `shown` is how the message calls it: "--infer-db-cpus", "INFER_DB_CPUS".
bool check_value(int id, const char* shown, const char* value, Problem& why);

// What the command line means by `value`: a flag has none, and --infer-colocate alone is one database.
const char* spelled_out(int id, const char* value);

// "512M", "8G": a whole number, 1 to 1048576, with a binary unit K, M, G or T; in bytes. 0: it is no size.
uint64_t parse_size(const char* text);

}  // namespace inferstep
