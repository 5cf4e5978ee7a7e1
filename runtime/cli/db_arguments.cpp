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

}  // namespace

void add_db_arguments(CLI::App& app, DbArguments& a, bool environment) {
    struct Word {
        const char* name;
        std::string& value;
        const char* type;
        const char* help;
    };
    const Word words[] = {
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
    for (const Word& word : words) {
        CLI::Option* option = app.add_option(both_names(word.name), word.value, word.help)->type_name(word.type);
        if (environment) {
            option->envname(variable(word.name));
        }
    }
    CLI::Option* model = app.add_option(both_names("model"), a.models,
                                        "load a model before the tasks start; may be repeated. Keys: backend, device, "
                                        "batchsize, minbatchsize, minbatchtimeout, threads, precision, sha256, "
                                        "warmup");
    model->type_name("NAME:PATH[,key=value...]")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    CLI::Option* loud = app.add_flag(both_names("verbose"), a.verbose, "show the plan and when what is ready");
    CLI::Option* dry = app.add_flag(both_names("dry-run"), a.dry_run, "show the plan and stop");
    if (environment) {
        colocate->envname(variable("colocate"));
        model->envname(variable("model"));
        loud->envname(variable("verbose"));
        dry->envname(variable("dry-run"));
    }
    app.add_option("--statedir", a.statedir, "where sockets and logs lie while the step runs (default: /dev/shm)")
        ->type_name("DIR");
    app.add_option("--redis", a.redis, "path of redis-server (default: the one in PATH)")->type_name("PATH");
}

}  // namespace inferstep::cli
