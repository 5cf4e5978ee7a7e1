#include "sweep/ready.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/shell.hpp"
#include "sweep/ready_checks.hpp"
#include "sweep/ready_flags.hpp"
#include "vision/resnet_spec.hpp"

namespace inferstep::sweep {
namespace {

// The model's name in the database, its file, and whether we make that file.
struct Model {
    std::string name;
    std::string file;
    bool ours = false;
};

Result<Model> find_model(const ReadyFlags& flags) {
    const std::string& word = flags.text("model");
    if (find_resnet(word) != nullptr) {
        return Model{word, word + ".pt", true};
    }
    if (access(word.c_str(), R_OK) != 0) {
        return with_hint(fail("--model={}: {}", word, std::strerror(errno)),
                         "a TorchScript file is right, or resnet18, resnet34, resnet50, resnet101, resnet152");
    }
    if (word.find_first_of(",;:{}") != std::string::npos) {
        return fail("--model={}: a comma, semicolon, colon or brace in the name of a file would end it", word);
    }
    if (flags.on("rebuild_model")) {
        return fail("--rebuild_model=True: {} is your own file, which is never replaced", word);
    }
    return Model{"resnet50", word, false};
}

// The loop of SmartSim-Scaling's client. Its script and model are in the database before it begins.
std::vector<std::string> client(const ReadyFlags& flags, const Model& model) {
    std::vector<std::string> words = {"inferstep",
                                      "client",
                                      "--workload=smartsim",
                                      "--language={languages}",
                                      "--iterations=" + flags.text("iterations"),
                                      "--model=" + model.file,
                                      "--model-name=" + model.name};
    if (flags.on("keep_keys")) {
        words.emplace_back("--keep-keys");
    }
    return words;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return tolower(c); });
    return text;
}

// Where models run and which one, in the words of the plugin and of `db standard`, which differ in the prefix.
void add_model_options(const ReadyFlags& flags, const Model& model, const std::string& prefix,
                       std::vector<std::string>& options) {
    options.push_back(prefix + "db-tpq={db_tpq}");
    options.push_back(prefix + "device=" + lower(flags.text("device")));
    if (flags.text("device") == "GPU") {
        options.push_back(prefix + "num-devices=" + flags.text("num_devices"));
    }
    options.push_back(fmt::format("{}model={}:{},batchsize={{batch_size}}", prefix, model.name, model.file));
}

// What a point must have left to be done; everything else of the clients' summary is collected anyway.
std::vector<MetricRule> metrics() {
    const auto rule = [](const char* name, const char* unit, const char* better) {
        MetricRule one;
        one.name = one.select = name;
        one.unit = unit;
        one.from = MetricRule::From::kJson;
        one.file = "records/*/summary.json";
        one.better = better;
        return one;
    };
    return {rule("inferences_per_second", "1/s", "higher"), rule("wrong", "", "lower")};
}

// What both batteries have.
Result<Battery> common(const ReadyFlags& flags, const char* kind, const Model& model,
                       const std::vector<const char*>& matrix) {
    if (Status s = check_folder_name(flags.text("exp_name")); !s) {
        return s.error();
    }
    Battery battery;
    battery.name = flags.text("exp_name");
    battery.kind = kind;
    std::error_code code;
    battery.folder = std::filesystem::current_path(code).string();
    for (const char* name : matrix) {
        battery.matrix.emplace_back(name, flags.texts(name));
        if (name != matrix.front() && flags.texts(name).size() > 1) {
            battery.report.series.emplace_back(name);
        }
    }
    battery.command = client(flags, model);
    battery.time_limit = flags.text("wall_time");
    battery.metrics = metrics();
    battery.report.x = matrix.front();
    battery.report.rate = "inferences_per_second";
    battery.report.time = "loop";
    if (model.ours) {
        const std::string make = fmt::format("inferstep model {} -o {}", model.name, model.file);
        battery.prepare.push_back(
            {"sh", "-c", flags.on("rebuild_model") ? make : "test -e " + model.file + " || " + make});
    }
    return battery;
}

struct Begun {
    ReadyFlags flags;
    Model model;
    std::string where;
    std::string interface;
    std::vector<std::string> notes;
};

Result<Begun> begin(bool standard, const std::vector<std::string>& words) {
    Result<ReadyFlags> flags = ReadyFlags::parse(inference_flags(standard), words);
    if (!flags) {
        return flags.error();
    }
    const Result<Model> model = find_model(*flags);
    if (!model) {
        return model.error();
    }
    const std::string where = launcher_place(*flags);
    const bool local = where == "local";
    if (Status s = check_resources(*flags, standard, local); !s) {
        return s.error();
    }
    std::vector<std::string> notes;
    Result<std::string> interface = choose_interface(*flags, standard, local, notes);
    if (!interface) {
        return interface.error();
    }
    return Begun{std::move(*flags), *model, where, std::move(*interface), std::move(notes)};
}

Battery::Database database(const Begun& begun) {
    const ReadyFlags& flags = begun.flags;
    Battery::Database database;
    database.nodes = "{db_nodes}";
    database.cpus_per_node = "{db_cpus}";
    database.as_job = begun.where == "local" || !flags.on("run_db_as_batch") ? "no" : "yes";
    database.hosts = flags.texts("db_hosts");
    database.batch_options = flags.texts("batch_args");
    database.options = {"--port=" + flags.text("db_port")};
    if (!begun.interface.empty()) {
        database.options.push_back("--net-ifname=" + begun.interface);
    }
    add_model_options(flags, begun.model, "--", database.options);
    return database;
}

}  // namespace

Result<ReadyBattery> colocated_battery(const std::vector<std::string>& words) {
    const Result<Begun> begun = begin(false, words);
    if (!begun) {
        return begun.error();
    }
    const ReadyFlags& flags = begun->flags;
    Result<Battery> battery =
        common(flags, kColocatedKind, begun->model,
               {"nodes", "clients_per_node", "db_cpus", "db_tpq", "batch_size", "pin_app_cpus", "languages"});
    if (!battery) {
        return battery.error();
    }
    battery->step.nodes = "{nodes}";
    battery->step.tasks_per_node = "{clients_per_node}";
    battery->step.options = {"--infer-colocate=1", "--infer-db-cpus={db_cpus}", "--infer-pin-app={pin_app_cpus}",
                             "--infer-db-port=" + flags.text("db_port"), "--infer-net-ifname=" + begun->interface};
    add_model_options(flags, begun->model, "--infer-", battery->step.options);
    return ReadyBattery{std::move(*battery), begun->where, begun->notes};
}

Result<ReadyBattery> standard_battery(const std::vector<std::string>& words) {
    Result<Begun> begun = begin(true, words);
    if (!begun) {
        return begun.error();
    }
    const ReadyFlags& flags = begun->flags;
    Result<Battery> battery =
        common(flags, kStandardKind, begun->model,
               {"client_nodes", "clients_per_node", "db_nodes", "db_cpus", "db_tpq", "batch_size", "languages"});
    if (!battery) {
        return battery.error();
    }
    battery->step.nodes = "{client_nodes}";
    battery->step.tasks_per_node = "{clients_per_node}";
    battery->database = database(*begun);
    if (flags.on("run_db_as_batch") && begun->where == "local") {
        begun->notes.emplace_back("without Slurm the database is a process beside the clients, not a batch job");
    }
    if (!flags.texts("batch_args").empty() && battery->database->as_job == "no") {
        begun->notes.emplace_back("--batch_args has no effect, since the database is no batch job");
    }
    return ReadyBattery{std::move(*battery), begun->where, begun->notes};
}

std::string colocated_help() { return flags_help(inference_flags(false)); }
std::string standard_help() { return flags_help(inference_flags(true)); }

}  // namespace inferstep::sweep
