#include "cli/db_arguments.hpp"

#include <cctype>

namespace inferstep::cli {
namespace {

// --db-cpus → INFER_DB_CPUS
std::string variable(std::string_view name) {
    std::string text = "INFER_";
    for (const char c : name) {
        text += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return text;
}

// `alone`: the value of a flag that is given without one.
std::string both_names(const std::string& name, const std::string& alone = "") {
    return "--" + name + alone + ",--infer-" + name + alone;
}

CLI::Option* add_models(CLI::App& app, DbArguments& a) {
    CLI::Option* model = app.add_option(both_names("model"), a.models,
                                        "load a model before the tasks start; may be repeated. Keys: backend, device, "
                                        "batchsize, minbatchsize, minbatchtimeout, threads, precision, sha256, "
                                        "warmup");
    model->type_name("NAME:PATH[,key=value...]")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    app.add_option("--script", a.scripts, "store TorchScript source before the tasks start; may be repeated")
        ->type_name("NAME:PATH[,device=D]")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    return model;
}

void add_paths(CLI::App& app, DbArguments& a) {
    app.add_option("--statedir", a.statedir, "where sockets and logs lie while the step runs (default: /dev/shm)")
        ->type_name("DIR");
    app.add_option("--redis", a.redis, "path of redis-server (default: the one in PATH)")->type_name("PATH");
}

struct Word {
    std::string names;
    std::string& value;
    const char* type;
    const char* help;
};

}  // namespace

void add_db_arguments(CLI::App& app, DbArguments& a, bool environment) {
    struct Named {
        const char* name;
        std::string& value;
        const char* type;
        const char* help;
    };
    const Named words[] = {
        {"db-cpus", a.db_cpus, "K", "CPUs for the databases, taken from the tasks (default: 2, or one per instance)"},
        {"db-tpq", a.db_tpq, "T", "worker threads per device (default: 1)"},
        {"pin-app", a.pin_app, "yes|no", "take the databases' CPUs out of the tasks' masks (default: yes)"},
        {"device", a.device, "auto|cpu|gpu", "where models run (default: auto)"},
        {"outdir", a.outdir, "DIR", "write the records of the step below DIR"},
        {"timeout", a.timeout, "S", "seconds until everything must be ready (default: 60)"},
    };
    // A flag with a value: only --colocate=N sets it, so that `--colocate ./client` does not swallow the program.
    CLI::Option* colocate =
        app.add_flag(both_names("colocate", "{1}"), a.colocate, "databases on this node (without =N: 1)");
    colocate->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    for (const Named& word : words) {
        CLI::Option* option = app.add_option(both_names(word.name), word.value, word.help)->type_name(word.type);
        if (environment) {
            option->envname(variable(word.name));
        }
    }
    CLI::Option* model = add_models(app, a);
    CLI::Option* loud = app.add_flag(both_names("verbose"), a.verbose, "show the plan and when what is ready");
    CLI::Option* dry = app.add_flag(both_names("dry-run"), a.dry_run, "show the plan and stop");
    if (environment) {
        colocate->envname(variable("colocate"));
        model->envname(variable("model"));
        loud->envname(variable("verbose"));
        dry->envname(variable("dry-run"));
    }
    add_paths(app, a);
}

void add_standard_arguments(CLI::App& app, DbArguments& a) {
    const Word words[] = {
        {"--port", a.port, "P", "the first TCP port to try; those taken are skipped (default: 6780)"},
        {"--net-ifname", a.interface, "IF", "the interface to listen on (default: the one that others reach)"},
        {"--tcp-auth", a.tcp_auth, "yes|none", "whether clients need the step's secret (default: yes)"},
        {"--shards", a.colocate, "N", "shards on each node (default: 1)"},
        {both_names("db-cpus"), a.db_cpus, "K", "CPUs of each node for them (default: all that the step has)"},
        {both_names("db-tpq") + ",--tpq", a.db_tpq, "T", "worker threads per device (default: 1)"},
        {"--memory", a.memory, "SIZE", "memory of each node for them, such as 8G (default: half of the step's)"},
        {both_names("device"), a.device, "auto|cpu|gpu", "where models run (default: auto)"},
        {both_names("outdir"), a.outdir, "DIR", "write the records of the step, and its address file too, below DIR"},
        {both_names("timeout"), a.timeout, "S", "seconds until everything must be ready (default: 60)"},
    };
    for (const Word& word : words) {
        app.add_option(word.names, word.value, word.help)->type_name(word.type);
    }
    add_models(app, a);
    app.add_flag(both_names("verbose"), a.verbose, "show the plan and when what is ready");
    app.add_flag(both_names("dry-run"), a.dry_run, "show the plan and stop");
    add_paths(app, a);
}

}  // namespace inferstep::cli
