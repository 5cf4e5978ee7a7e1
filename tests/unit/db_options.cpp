// The database's options: what words become, and that they survive the way to the supervisor.
#include "check.hpp"
#include "db/options.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

void a_model_is_read() {
    const Result<ModelSpec> plain = parse_model("net:models/net.pt", "/data");
    if (!CHECK(plain)) {
        return;
    }
    CHECK_EQ(plain->name, "net");
    CHECK_EQ(plain->path, "/data/models/net.pt");
    CHECK_EQ(plain->device, "");
    CHECK_EQ(plain->batch_size, 0);
    CHECK(plain->warmup.empty());
    const std::string sum(64, 'A');
    const Result<ModelSpec> full = parse_model(
        "a b:/m:1.pt,backend=torch,device=gpu:3,batchsize=8,minbatchsize=4,"
        "minbatchtimeout=5,warmup=1x3x2:uint8,threads=2,precision=bfloat16,sha256=" +
            sum,
        "/data");
    if (!CHECK(full)) {
        return;
    }
    CHECK_EQ(full->name, "a b");
    CHECK_EQ(full->path, "/m:1.pt");
    CHECK_EQ(full->backend, "TORCH");
    CHECK_EQ(full->device, "GPU:3");
    CHECK_EQ(full->batch_size, 8);
    CHECK_EQ(full->min_batch_size, 4);
    CHECK_EQ(full->min_batch_timeout, 5);
    CHECK(full->warmup == std::vector<std::int64_t>({1, 3, 2}));
    CHECK(full->warmup_type == TensorType::uint8);
    CHECK_EQ(full->sha256, std::string(64, 'a'));
    CHECK_EQ(full->threads, 2);
    CHECK_EQ(full->precision, "bfloat16");
}

void a_wrong_model_names_the_key() {
    const struct {
        const char* text;
        const char* words;
    } table[] = {
        {"", "wants a value"},
        {",", "wants NAME:PATH"},
        {"m", "wants NAME:PATH"},
        {":p", "wants NAME:PATH"},
        {"m:", "wants NAME:PATH"},
        {"m:,device=cpu", "wants NAME:PATH"},
        {"m:p,", "'' is no key"},
        {"m:p,=1", "'' is no key"},
        {"m:p,workers=2", "--infer-model m: 'workers' is no key; the keys are"},
        {"m:p,threads=0", "threads wants a whole number from 1 to 256, not '0'"},
        {"m:p,precision=int8", "precision wants float32, bfloat16 or float16"},
        {"m:p,batchsize=", "batchsize wants a whole number from 1 to 1000000, not ''"},
        {"m:p,batchsize=1000001", "not '1000001'"},
        {"m:p,device=gpu:", "device wants cpu, gpu or gpu:N, not 'gpu:'"},
        {"m:p,device=gpu:64", "not 'gpu:64'"},
        {"m:p,minbatchsize=2", "minbatchsize=2 is more than batchsize=0"},
        {"m:p,warmup=", "warmup wants a shape"},
        {"m:p,warmup=x", "warmup wants a shape"},
        {"m:p,warmup=1x0", "warmup wants a shape"},
        {"m:p,warmup=3x3:", "warmup wants a shape"},
        {"m:p,warmup=65536x65536", "of at most 2^30 elements"},
    };
    for (const auto& row : table) {
        CHECK_FAILS(parse_model(row.text, "/"), row.words);
    }
}

DbArguments usual() {
    DbArguments a;
    a.option[kColocate].assign(1, '2');
    a.redis = "/bin/sh";
    return a;
}

void defaults_are_those_of_the_manual() {
    const Result<DbOptions> none = parse_db_options({});
    CHECK(none && none->instances == 0);
    const Result<DbOptions> o = parse_db_options(usual());
    if (!CHECK(o)) {
        return;
    }
    CHECK_EQ(o->instances, 2);
    CHECK_EQ(o->db_cpus, 0);
    CHECK_EQ(o->tpq, 1);
    CHECK(o->pin_app);
    CHECK(o->device == Device::automatic);
    CHECK_EQ(o->timeout_s, 60);
    CHECK_EQ(o->statedir, "/dev/shm");
    CHECK(o->port == 0 && o->num_devices == 0 && o->memory == 0 && o->on_failure == DbFailure::fail);
    CHECK(o->outdir.empty() && o->models.empty() && !o->verbose && !o->dry_run);
}

void paths_start_at_cwd() {
    DbArguments a = usual();
    a.cwd = "/somewhere";
    a.option[kOutdir] = "out/../records/";
    a.option[kModel] = "m:x.pt;n:/y.pt";
    const Result<DbOptions> o = parse_db_options(a);
    if (!CHECK(o)) {
        return;
    }
    CHECK_EQ(o->outdir, "/somewhere/records");
    CHECK_EQ(o->models.at(0).path, "/somewhere/x.pt");
    CHECK_EQ(o->models.at(1).path, "/y.pt");
    a.cwd = "relative";
    CHECK_FAILS(parse_db_options(a), "--cwd: 'relative' is not an absolute path");
}

// The words that `run` gives to its supervisor, read as the supervisor reads them.
DbArguments read_back(const std::vector<std::string>& words) {
    DbArguments a;
    for (const std::string& word : words) {
        const std::size_t equals = word.find('=');
        const std::string name = word.substr(2, equals - 2);
        const std::string value = word.substr(equals + 1);
        for (int id = 0; id < kOptions; ++id) {
            if (name == kTable[id].name) {
                a.option[static_cast<std::size_t>(id)] = value;
            }
        }
        for (const auto& [path, field] :
             {std::pair<const char*, std::string*>{"cwd", &a.cwd}, {"redis", &a.redis}, {"statedir", &a.statedir}}) {
            *field = name == path ? value : *field;
        }
    }
    return a;
}

void options_survive_the_way_to_the_supervisor() {
    DbArguments a = usual();
    const std::pair<int, const char*> given[] = {{kDbCpus, "6"},
                                                 {kDbTpq, "3"},
                                                 {kDbMemory, "2g"},
                                                 {kPinApp, "no"},
                                                 {kDevice, "gpu"},
                                                 {kNumDevices, "3"},
                                                 {kDbPort, "7000"},
                                                 {kNetIfname, "lo"},
                                                 {kTcpAuth, "none"},
                                                 {kTimeout, "7"},
                                                 {kOnDbFailure, "restart"},
                                                 {kOutdir, "out"},
                                                 {kModel, "m:x.pt,batchsize=4;n:/y.pt;o:z.pt"},
                                                 {kScript, "s:t.py"},
                                                 {kVerbose, "1"},
                                                 {kDryRun, "yes"}};
    for (const auto& [id, word] : given) {
        a.option[static_cast<std::size_t>(id)] = word;
    }
    a.cwd = "/somewhere";
    a.statedir = "/tmp";
    const Result<DbOptions> before = parse_db_options(a);
    if (!CHECK(before)) {
        return;
    }
    const std::vector<std::string> words = as_arguments(*before);
    const Result<DbOptions> after = parse_db_options(read_back(words));
    if (!CHECK(after)) {
        return;
    }
    CHECK(as_arguments(*after) == words);
    CHECK_EQ(after->instances, 2);
    CHECK_EQ(after->db_cpus, 6);
    CHECK_EQ(after->tpq, 3);
    CHECK(!after->pin_app && after->device == Device::gpu && after->verbose && after->dry_run);
    CHECK_EQ(after->timeout_s, 7);
    CHECK_EQ(after->outdir, "/somewhere/out");
    CHECK_EQ(after->statedir, "/tmp");
    CHECK_EQ(after->memory, std::uint64_t{2} << 30);
    CHECK_EQ(after->num_devices, 3);
    CHECK_EQ(after->port, 7000);
    CHECK_EQ(after->interface, "lo");
    CHECK(!after->tcp_secret && after->on_failure == DbFailure::restart);
    CHECK_EQ(after->scripts.at(0).path, "/somewhere/t.py");
    CHECK_EQ(after->models.size(), 3U);
    CHECK_EQ(after->models.at(0).batch_size, 4);
    CHECK_EQ(after->models.at(2).path, "/somewhere/z.pt");
}

void an_interface_or_an_authentication_asks_for_tcp() {
    for (const auto& [id, word] : {std::pair<int, const char*>{kNetIfname, "lo"}, {kTcpAuth, "none"}}) {
        DbArguments a = usual();
        a.option[static_cast<std::size_t>(id)] = word;
        const Result<DbOptions> o = parse_db_options(a);
        CHECK(o && o->port == kDefaultPort);
    }
}

CU_TestInfo kTests[] = {
    {"a model is read", a_model_is_read},
    {"a wrong model names the key", a_wrong_model_names_the_key},
    {"defaults are those of the manual", defaults_are_those_of_the_manual},
    {"paths start at --cwd", paths_start_at_cwd},
    {"options survive the way to the supervisor", options_survive_the_way_to_the_supervisor},
    {"an interface or an authentication asks for TCP", an_interface_or_an_authentication_asks_for_tcp},
    CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kDbOptionsSuite = suite("db options", kTests);

}  // namespace inferstep::test
