// inferstep client: a simulation's loop against the step's databases.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "bench/client_run.hpp"
#include "cli/commands.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "core/process.hpp"
#include "core/words.hpp"
#include "vision/resnet_spec.hpp"

namespace inferstep::cli {
namespace {

struct Arguments {
    std::string iterations = "100", warmup = "1", batch_size = "1", clients_per_node, db_batch_size, seed = "0";
    std::string workload = "infer", dag = "no", language = "cpp", device = "auto", model_name, model = "resnet50";
    std::string reference, images = "synthetic", shape, endpoint, outdir = "outputs";
    std::string tolerance = "1e-3", sleep = "0", timeout = "60", wait = "60";
    bool pipelined = false, separate = false, keep_keys = false, json = false, verbose = false;
};

Status read_integer(const char* option, const std::string& text, long low, long high, int& value) {
    if (text.empty()) {
        return Status::ok();
    }
    const Result<long> n = parse_number(option, text, low, high);
    if (!n) {
        return n.error();
    }
    value = static_cast<int>(*n);
    return Status::ok();
}

Status read_real(const char* option, const std::string& text, double low, double high, double& value) {
    char* end = nullptr;
    value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(value >= low && value <= high)) {
        return fail("{}={}: a number between {} and {} is right", option, text, low, high);
    }
    return Status::ok();
}

Status read_numbers(const Arguments& a, ClientOptions& o) {
    constexpr int kMost = 1'000'000'000;
    int seed = 0;
    for (const Status& s :
         {read_integer("--iterations", a.iterations, 1, kMost, o.iterations),
          read_integer("--warmup", a.warmup, 0, kMost, o.warmup),
          read_integer("--batch-size", a.batch_size, 1, 65'536, o.batch_size),
          read_integer("--clients-per-node", a.clients_per_node, 1, 65'536, o.clients_per_node),
          read_integer("--db-batch-size", a.db_batch_size, 1, 65'536, o.db_batch_size),
          read_integer("--seed", a.seed, 0, std::numeric_limits<int>::max(), seed),
          read_real("--tolerance", a.tolerance, 0, 1e6, o.tolerance), read_real("--sleep", a.sleep, 0, 3600, o.sleep),
          read_real("--timeout", a.timeout, 0.001, 86'400, o.timeout),
          read_real("--wait", a.wait, 0, 86'400, o.patience)}) {
        if (!s) {
            return s;
        }
    }
    o.seed = static_cast<std::uint64_t>(seed);
    for (const std::string& part : split(a.shape, ',')) {
        int extent = 0;
        if (Status s = read_integer("--shape", part.empty() ? " " : part, 1, kMost, extent); !s) {
            return s;
        }
        o.shape.push_back(extent);
    }
    if (o.shape.size() > 3) {
        return fail("--shape={}: one to three numbers are right; the batch is added in front of them", a.shape);
    }
    return Status::ok();
}

Status read_words(const Arguments& a, ClientOptions& o) {
    const auto language = parse_choice("--language", a.language, {"cpp", "fortran"});
    if (!language) {
        return language.error();
    }
    const auto device = parse_choice("--device", a.device, {"cpu", "gpu", "auto"});
    if (!device) {
        return device.error();
    }
    constexpr const char* kDevices[] = {"CPU", "GPU", ""};
    o.device = kDevices[*device];
    o.fortran = *language == 1;
    if (find_resnet(a.model) != nullptr) {
        o.architecture = a.model;
    } else {
        o.model = a.model;
    }
    o.model_name = !a.model_name.empty() ? a.model_name : o.model.empty() ? o.architecture : "resnet50";
    o.images = a.images == "synthetic" ? "" : a.images;
    o.keep_keys = a.keep_keys;
    o.reference = a.reference;
    o.outdir = a.outdir;
    o.json = a.json;
    const char* ssdb = std::getenv("SSDB");
    o.endpoint = !a.endpoint.empty() ? a.endpoint : ssdb != nullptr ? ssdb : "";
    return Status::ok();
}

// What is called in an iteration, and how.
Status read_loop(const Arguments& a, ClientOptions& o) {
    const auto workload = parse_choice("--workload", a.workload, {"infer", "smartsim"});
    if (!workload) {
        return workload.error();
    }
    const auto dag = parse_choice("--dag", a.dag, {"no", "yes", "both"});
    if (!dag) {
        return dag.error();
    }
    o.smartsim = *workload == 1;
    o.dag = *dag != 0;
    o.pipelined = a.pipelined;
    o.separate = !a.pipelined && *dag != 1;
    if (a.pipelined && (a.separate || o.dag)) {
        return fail("--pipelined and {} exclude each other", a.separate ? "--separate" : "--dag");
    }
    if (a.separate && *dag == 1) {
        return fail("--separate and --dag=yes exclude each other; --dag=both does both");
    }
    if (!o.smartsim) {
        return Status::ok();
    }
    if (a.pipelined || a.batch_size != "1" || !a.shape.empty() || a.images != "synthetic") {
        return fail(
            "--workload=smartsim puts one image at a time, of the size that the model takes: --pipelined, "
            "--batch-size, --shape and --images do not go with it");
    }
    return Status::ok();
}

// What the user names must be there before anything begins: the mistake of one word should not cost a step.
Status find_files(const ClientOptions& options) {
    const std::pair<const char*, const std::string*> named[] = {
        {"--model", &options.model}, {"--reference", &options.reference}, {"--images", &options.images}};
    for (const auto& [option, path] : named) {
        if (!path->empty() && access(path->c_str(), R_OK) != 0) {
            return fail("{}={}: {}", option, *path, std::strerror(errno));
        }
    }
    return Status::ok();
}

int client(const Arguments& a, std::int64_t began_ns) {
    ClientOptions options;
    for (const Status& s : {read_numbers(a, options), read_words(a, options), read_loop(a, options)}) {
        if (!s) {
            print_error(s.error());
            return 2;
        }
    }
    options.command = own_command();
    set_verbose(a.verbose);
    if (options.endpoint.empty()) {
        print_error(with_hint(fail("there is no database: neither --endpoint nor SSDB names one"),
                              "start it with `srun --infer-colocate=1 inferstep client` or "
                              "`inferstep run --colocate=1 -- inferstep client`"));
        return 1;
    }
    if (const Status s = find_files(options); !s) {
        print_error(s.error());
        return 1;
    }
    const Result<int> code = run_clients(options, step_identity(), began_ns);
    if (!code) {
        print_error(code.error());
        return 2;
    }
    return *code;
}

void add_what(CLI::App* sub, const std::shared_ptr<Arguments>& a) {
    sub->add_option("--model", a->model, "TorchScript file, or a ResNet that the program makes (default resnet50)")
        ->type_name("FILE");
    sub->add_option("--model-name", a->model_name, "name in the database (default resnet50)")->type_name("NAME");
    sub->add_option("--device", a->device, "where the model is stored (default auto)")->type_name("cpu|gpu|auto");
    sub->add_option("--db-batch-size", a->db_batch_size, "let the database run so many requests together")
        ->type_name("N");
    sub->add_option("--images", a->images, "folder of JPEG and PNG files; synthetic (default)")->type_name("DIR");
    sub->add_option("--shape", a->shape, "shape of one sample (default: what the model says)")->type_name("N,N,N");
    sub->add_option("--seed", a->seed, "of the synthetic inputs (default 0)")->type_name("N");
    sub->add_option("--reference", a->reference, "TorchScript file to compare with (default: the model)")
        ->type_name("FILE");
    sub->add_option("--tolerance", a->tolerance, "largest difference, relative to the largest output (default 1e-3)")
        ->type_name("X");
}

void add_how(CLI::App* sub, const std::shared_ptr<Arguments>& a) {
    sub->add_option("--iterations", a->iterations, "measured iterations of each client (default 100)")->type_name("N");
    sub->add_option("--warmup", a->warmup, "iterations before them (default 1)")->type_name("N");
    sub->add_option("--batch-size", a->batch_size, "samples in one request (default 1)")->type_name("N");
    sub->add_option("--language", a->language, "client library (default cpp)")->type_name("cpp|fortran");
    sub->add_option("--clients-per-node", a->clients_per_node, "clients on each node (default: one per task)")
        ->type_name("C");
    sub->add_option("--workload", a->workload, "infer: put, run, get (default); smartsim: put, script, model, unpack")
        ->type_name("infer|smartsim");
    sub->add_flag("--separate", a->separate, "put, run and get one after the other, each timed (default)");
    sub->add_flag("--pipelined", a->pipelined, "put, run and get in one round trip");
    sub->add_option("--dag", a->dag, "everything in one command: no (default), yes, both ways in turn")
        ->type_name("no|yes|both");
    sub->add_flag("--keep-keys,!--delete-keys", a->keep_keys, "keys of its own for every iteration, which stay");
    sub->add_option("--sleep", a->sleep, "pause after each iteration (default 0)")->type_name("SECONDS");
    sub->add_option("--timeout", a->timeout, "limit of every call (default 60)")->type_name("SECONDS");
    sub->add_option("--wait", a->wait, "how long a rank waits for others without news of them (default 60)")
        ->type_name("SECONDS");
    sub->add_option("--endpoint", a->endpoint, "address of the database (default: $SSDB)")->type_name("ADDRESS");
    sub->add_option("--outdir", a->outdir, "where the records go (default outputs)")
        ->envname("INFER_OUTDIR")
        ->type_name("DIR");
    sub->add_flag("--json", a->json, "print the summary as JSON");
    sub->add_flag("--verbose", a->verbose, "say what is going on");
}

}  // namespace

void add_client(CLI::App& app, Outcome& outcome) {
    const std::int64_t began_ns = now_ns();
    CLI::App* sub = app.add_subcommand("client", "call a model in a loop from every rank, time and check each call");
    auto a = std::make_shared<Arguments>();
    add_how(sub, a);
    add_what(sub, a);
    sub->callback([a, &outcome, began_ns] { outcome.exit_code = client(*a, began_ns); });
}

}  // namespace inferstep::cli
