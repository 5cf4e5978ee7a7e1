#include "cli/db_arguments.hpp"

#include <fmt/format.h>

#include "core/words.hpp"

namespace inferstep::cli {
namespace {

// A flag has its value only behind '=', so that `--colocate ./client` does not swallow the program.
CLI::Option* add_option(CLI::App& app, DbArguments& a, int id, const std::string& names, const char* help) {
    const OptionSpec& spec = kTable[id];
    std::string& value = a.option[static_cast<std::size_t>(id)];
    if (spec.has_argument != 1) {
        std::string flags;
        for (const std::string& name : split(names, ',')) {
            flags += fmt::format("{}{}{{{}}}", flags.empty() ? "" : ",", name, spelled_out(id, ""));
        }
        return app.add_flag(flags, value, help)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    }
    CLI::Option* option = app.add_option(names, value, help)->type_name(spec.argument);
    if (spec.kind == Kind::models || spec.kind == Kind::scripts) {
        option->allow_extra_args(false)->join(';');
    }
    return option;
}

// Ours, srun's, SmartSim's.
std::string both_names(int id) {
    std::string names = fmt::format("--{0},--infer-{0}", kTable[id].name);
    for (const Alias& alias : kAliases) {
        names += alias.id == id ? fmt::format(",--{}", alias.name) : "";
    }
    return names;
}

void add_paths(CLI::App& app, DbArguments& a) {
    app.add_option("--statedir", a.statedir, "where sockets and logs lie while the step runs (default: /dev/shm)")
        ->type_name("DIR");
    app.add_option("--redis", a.redis, "path of redis-server (default: the one in PATH)")->type_name("PATH");
}

}  // namespace

void add_db_arguments(CLI::App& app, DbArguments& a, bool environment) {
    for (int id = 0; id < kOptions; ++id) {
        if (id == kAttach && !environment) {
            continue;
        }
        CLI::Option* option = add_option(app, a, id, both_names(id), kTable[id].help);
        if (environment) {
            option->envname(kTable[id].twin);
        }
    }
    add_paths(app, a);
}

void add_standard_arguments(CLI::App& app, DbArguments& a) {
    const struct {
        int id;
        std::string names;
        const char* help;
    } words[] = {
        {kDbPort, "--port", "the first TCP port to try; those taken are skipped (default: 6780)"},
        {kNetIfname, "--net-ifname", "the interface to listen on (default: the one that others reach)"},
        {kTcpAuth, "--tcp-auth", kTable[kTcpAuth].help},
        {kDbCpus, both_names(kDbCpus), "CPUs of each node for them (default: all that the step has)"},
        {kDbTpq, both_names(kDbTpq) + ",--tpq", kTable[kDbTpq].help},
        {kDbMemory, "--memory", kTable[kDbMemory].help},
        {kDevice, both_names(kDevice), kTable[kDevice].help},
        {kNumDevices, both_names(kNumDevices), kTable[kNumDevices].help},
        {kModel, both_names(kModel), kTable[kModel].help},
        {kScript, both_names(kScript), kTable[kScript].help},
        {kOutdir, both_names(kOutdir), "write the records of the step, and its address file too, below DIR"},
        {kTimeout, both_names(kTimeout), kTable[kTimeout].help},
        {kOnDbFailure, both_names(kOnDbFailure), "fail: a shard that is lost ends the database"},
        {kVerbose, both_names(kVerbose), kTable[kVerbose].help},
        {kDryRun, both_names(kDryRun), kTable[kDryRun].help},
    };
    for (const auto& word : words) {
        add_option(app, a, word.id, word.names, word.help);
    }
    app.add_option("--shards", a.option[kColocate], "shards on each node (default: 1)")->type_name("N");
    add_paths(app, a);
}

}  // namespace inferstep::cli
