// The plugin's options and settings: what is accepted, what is refused and in which words, and which source counts.
// Linked with the plugin's own objects.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "check.hpp"
#include "core/file.hpp"
#include "spank/settings.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace plugin;

std::string refusal(int id, const std::string& value) {
    Problem why;
    return check_value(id, "--it", value.c_str(), why) ? "" : why.text;
}

void values_are_accepted() {
    const struct {
        int id;
        const char* value;
    } table[] = {
        {kColocate, "1"},
        {kColocate, "64"},
        {kDbCpus, "1024"},
        {kDbCpus, "007"},
        {kDbTpq, "4"},
        {kTimeout, "86400"},
        {kPinApp, "yes"},
        {kPinApp, "no"},
        {kDevice, "auto"},
        {kDevice, "gpu"},
        {kOutdir, "a b/c"},
        {kOutdir, "outputs"},
        {kDryRun, "0"},
        {kVerbose, "yes"},
        {kDbMemory, "1K"},
        {kDbMemory, "512m"},
        {kDbMemory, "1048576T"},
        {kNumDevices, "64"},
        {kDbPort, "65535"},
        {kNetIfname, "eno1.100"},
        {kNetIfname, "ib0_abcdefghijk"},
        {kTcpAuth, "none"},
        {kOnDbFailure, "restart"},
        {kScript, "s:t.py"},
        {kScript, "s:t.py,device=gpu:1;u:/v"},
        {kModel, "m:m.pt"},
        {kModel, "a:/x/y.pt,batchsize=8,minbatchsize=2"},
        {kModel, "a:/x:1.pt,device=GPU:63,backend=Torch"},
        {kModel, "a:x;b:y,device=gpu:1"},
        {kModel, "a:x,warmup=1x3x4:FLOAT;b:y"},
        {kModel, "a:x,sha256=0123456789abcdefABCDEF0123456789012345678901234567890123456789ab"},
    };
    for (const auto& row : table) {
        CHECK_EQ(refusal(row.id, row.value), "");
    }
}

void values_are_refused() {
    const struct {
        int id;
        const char* value;
        const char* words;
    } table[] = {
        {kColocate, "abc", "--it wants a whole number from 1 to 64, not 'abc'"},
        {kColocate, "0", "from 1 to 64"},
        {kColocate, "-1", "not '-1'"},
        {kColocate, "65", "from 1 to 64"},
        {kColocate, "99999999999999999999", "from 1 to 64"},
        {kColocate, "1.5", "whole number"},
        {kColocate, " 1", "whole number"},
        {kColocate, "1 ", "whole number"},
        {kColocate, "+1", "whole number"},
        {kColocate, "0x1", "whole number"},
        {kColocate, "", "wants a value"},
        {kDbCpus, "1025", "from 1 to 1024"},
        {kTimeout, "86401", "from 1 to 86400"},
        {kPinApp, "maybe", "--it wants one of yes|no, not 'maybe'"},
        {kPinApp, "ye", "yes|no"},
        {kPinApp, "yes|no", "yes|no"},
        {kDevice, "tpu", "auto|cpu|gpu"},
        {kOutdir, "", "wants a value"},
        {kDbMemory, "8", "--it wants a size from 1K to 1048576T, such as 512M or 8G, not '8'"},
        {kDbMemory, "G", "not 'G'"},
        {kDbMemory, "0G", "not '0G'"},
        {kDbMemory, "-1G", "not '-1G'"},
        {kDbMemory, "1.5G", "not '1.5G'"},
        {kDbMemory, "1e3M", "not '1e3M'"},
        {kDbMemory, "1048577T", "not '1048577T'"},
        {kDbMemory, "99999999999999999999G", "wants a size"},
        {kDbMemory, "50%", "wants a size"},
        {kNumDevices, "0", "from 1 to 64"},
        {kDbPort, "-1", "from 0 to 65535"},
        {kDbPort, "65536", "from 0 to 65535"},
        {kNetIfname, "a b", "name of an interface, not 'a b'"},
        {kNetIfname, "../x", "name of an interface"},
        {kNetIfname, "-x", "name of an interface"},
        {kNetIfname, "0123456789abcdef", "name of an interface"},
        {kTcpAuth, "yes", "secret|none"},
        {kOnDbFailure, "ignore", "fail|restart"},
        {kScript, "t.py", "NAME:PATH[,device=D], not 't.py'"},
        {kScript, "s:t.py,batchsize=1", "--it s: 'batchsize' is no key; the key is device"},
        {kScript, "s:t.py,device=", "device wants cpu, gpu or gpu:N, not ''"},
        {kOutdir, "a\nb", "control character: 'a?b'"},
        {kModel, "m.pt", "NAME:PATH"},
        {kModel, ":m.pt", "NAME:PATH"},
        {kModel, "m:", "NAME:PATH"},
        {kModel, "m:,batchsize=1", "NAME:PATH"},
        {kModel, "m,x:y", "NAME:PATH"},
        {kModel, "a:x;", "NAME:PATH"},
        {kModel, "a:x;;b:y", "NAME:PATH"},
        {kModel, "a:x,batchsiz=3", "--it a: 'batchsiz' is no key; the keys are backend, device, "},
        {kModel, "a:x,", "--it a: '' is no key"},
        {kModel, "a:x,batchsize", "batchsize wants a whole number from 1 to 1000000, not ''"},
        {kModel, "a:x,batchsize=", "not ''"},
        {kModel, "a:x,batchsize=x", "not 'x'"},
        {kModel, "a:x,batchsize=1=2", "not '1=2'"},
        {kModel, "a:x,minbatchtimeout=0,device=cpu", "minbatchtimeout wants"},
        {kModel, "a:x,threads=257", "threads wants"},
        {kModel, "a:x,precision=bf16", "precision wants"},
        {kModel, "a:x,device=", "device wants cpu, gpu or gpu:N"},
        {kModel, "a:x,device=,batchsize=1", "device wants cpu, gpu or gpu:N, not ''"},
        {kModel, "a:x,device=gpu:64", "not 'gpu:64'"},
        {kModel, "a:x,backend=onnx", "backend wants torch or aoti, not 'onnx'"},
        {kModel, "a:x,warmup=1x0", "warmup wants a shape"},
        {kModel, "a:x,warmup=1x3:HALF", "warmup wants a shape"},
        {kModel, "a:x,warmup=65536x65536x65536x65536x65536", "of at most 2^30 elements"},
        {kModel, "a:x,batchsize=2,batchsize=2", "batchsize is given twice"},
        {kModel, "a:x;b:y;a:z", "two have the name 'a'"},
        {kModel, "a:x,batchsize=8,minbatchsize=9", "minbatchsize=9 is more than batchsize=8"},
        {kModel, "a:x;b:y,sha256=12", "64 hexadecimal digits, not '12'"},
    };
    for (const auto& row : table) {
        const std::string said = refusal(row.id, row.value);
        CHECK_IN(fmt::format("'{}' → '{}'", row.value, said), said.find(row.words) != std::string::npos);
    }
}

void long_values_are_refused() {
    CHECK_EQ(refusal(kOutdir, std::string(kMaxValue, 'a')), "");
    CHECK_EQ(refusal(kOutdir, std::string(kMaxValue + 1, 'a')), "--it is longer than 4096 bytes");
    const auto options = std::make_unique<OptionSet>();
    options->set(kOutdir, std::string(3 * kMaxValue, 'a').c_str(), Source::given);
    CHECK_EQ(refusal(kOutdir, options->text(kOutdir)), "--it is longer than 4096 bytes");
}

// Take words as srun does; the last one decides.
std::string take(OptionSet& options, int id, const char* value, Source source = Source::given, bool last_wins = false) {
    Problem why;
    return options.take(id, value, source, last_wins, why) ? "" : why.text;
}

void a_repeated_option_must_agree() {
    const auto options = std::make_unique<OptionSet>();
    CHECK_EQ(take(*options, kColocate, "2"), "");
    CHECK_EQ(take(*options, kColocate, "2"), "");
    CHECK_EQ(take(*options, kColocate, "3"), "--infer-colocate is given twice, as '2' and as '3'");
    CHECK_EQ(take(*options, kColocate, "3", Source::given, true), "");
    CHECK_EQ(options->number(kColocate), 3);
}

void what_is_given_replaces_what_is_inherited() {
    const auto options = std::make_unique<OptionSet>();
    CHECK_EQ(take(*options, kColocate, "2", Source::inherited), "");
    CHECK_EQ(take(*options, kColocate, "3"), "");
    CHECK_EQ(options->number(kColocate), 3);
    CHECK_EQ(take(*options, kColocate, "2", Source::inherited), "");  // of the next component of a heterogeneous step
    CHECK_EQ(options->number(kColocate), 3);
    CHECK_EQ(take(*options, kModel, "a:x;b:y", Source::inherited), "");
    CHECK_EQ(take(*options, kModel, "c:z"), "");
    CHECK_EQ(options->text(kModel), std::string("c:z"));
}

void models_add_up() {
    const auto options = std::make_unique<OptionSet>();
    for (const char* model : {"a:x", "b:y", "b:y", "c:z;d:w"}) {
        CHECK_EQ(take(*options, kModel, model), "");
    }
    CHECK_EQ(options->text(kModel), std::string("a:x;b:y;c:z;d:w"));
    for (int i = 0; i < 4; ++i) {
        take(*options, kModel, ("m" + std::to_string(i) + ":" + std::string(2000, 'x')).c_str());
    }
    CHECK_EQ(refusal(kModel, options->text(kModel)), "--it is longer than 4096 bytes");
}

// The whole way of a step: settings, environment and command line.
struct Request {
    std::vector<std::string> settings = {"inferstep=/bin/inferstep"};
    std::map<std::string, std::string> environment;
    OptionSet options;
    Settings parsed;

    std::string complete() {
        Problem why;
        std::vector<char*> words;
        for (std::string& word : settings) {
            words.push_back(word.data());
        }
        const auto find = [](void* where, const char* name) -> const char* {
            const auto& variables = *static_cast<std::map<std::string, std::string>*>(where);
            const auto found = variables.find(name);
            return found != variables.end() ? found->second.c_str() : nullptr;
        };
        const bool good = parsed.read(static_cast<int>(words.size()), words.data(), why) &&
                          (inferstep::complete(options, parsed, find, &environment), check(options, parsed, why));
        return good ? "" : why.text;
    }
};

void the_nearest_source_counts() {
    const auto r = std::make_unique<Request>();
    r->settings.insert(r->settings.end(), {"db-cpus=2", "device=cpu", "timeout=7", "verbose=yes"});
    r->environment = {{"INFER_DB_CPUS", "4"}, {"INFER_TIMEOUT", "8"}, {"INFER_PIN_APP", "no"}, {"INFER_VERBOSE", "0"}};
    r->options.set(kColocate, "1", Source::given);
    r->options.set(kTimeout, "9", Source::given);
    CHECK_EQ(r->complete(), "");
    CHECK_EQ(r->options.number(kTimeout), 9);  // command line
    CHECK_EQ(r->options.number(kDbCpus), 4);   // environment
    CHECK_EQ(r->options.text(kPinApp), std::string("no"));
    CHECK_EQ(r->options.text(kDevice), std::string("cpu"));  // plugstack.conf
    CHECK(!r->options.enabled(kVerbose));
    CHECK(!r->options.has(kDbTpq));  // built in, by the supervisor
}

void every_source_is_checked() {
    const auto r = std::make_unique<Request>();
    r->options.set(kColocate, "1", Source::given);
    r->environment = {{"INFER_DB_CPUS", "abc"}};
    CHECK_EQ(r->complete(), "INFER_DB_CPUS wants a whole number from 1 to 1024, not 'abc'");
    r->environment.clear();
    r->options.sources[kDbCpus] = Source::none;
    r->options.set(kDevice, "tpu", Source::given);
    CHECK_EQ(r->complete(), "--infer-device wants one of auto|cpu|gpu, not 'tpu'");
}

void contradictions_are_refused() {
    auto r = std::make_unique<Request>();
    r->options.set(kColocate, "4", Source::given);
    r->options.set(kDbCpus, "2", Source::given);
    CHECK_EQ(r->complete(), "--infer-db-cpus=2 is too few for --infer-colocate=4: every database needs a CPU");
    r = std::make_unique<Request>();
    r->options.set(kColocate, "4", Source::given);
    r->settings.emplace_back("db-cpus=2");
    CHECK_EQ(r->complete(), "");
    CHECK(!r->options.has(kDbCpus));  // an admin's default gives way
    const struct {
        int first;
        const char* value;
        int second;
        const char* other;
        const char* words;
    } table[] = {
        {kNumDevices, "2", kDevice, "cpu", "--infer-num-devices=2 is about GPUs, and --infer-device=cpu uses none"},
        {kDbPort, "65535", kColocate, "2", "--infer-db-port=65535 leaves too few ports for --infer-colocate=2"},
        {kModel, "a:x,device=gpu:1", kDevice, "cpu", "--infer-model a: device=gpu:1 contradicts --infer-device=cpu"},
        {kModel, "a:x", kScript, "b:y;a:z", "--infer-script: the name 'a' is a model's"},
        {kAttach, "1.0", kColocate, "1", "--infer-attach uses a database that is there"},
    };
    for (const auto& row : table) {
        r = std::make_unique<Request>();
        r->options.set(kColocate, "1", Source::given);
        r->options.set(row.first, row.value, Source::given);
        r->options.set(row.second, row.other, Source::given);
        const std::string said = r->complete();
        CHECK_IN(said, said.find(row.words) != std::string::npos);
    }
    r = std::make_unique<Request>();
    r->options.set(kModel, "a:x", Source::given);
    CHECK_EQ(r->complete(), "--infer-model is about databases, and there are none: add --infer-colocate");
    r->options.sources[kModel] = Source::inherited;
    CHECK_EQ(r->complete(), "");
}

// An admin says which interface TCP has, not that everybody's databases listen there.
void a_default_interface_asks_for_no_tcp() {
    auto r = std::make_unique<Request>();
    r->settings.insert(r->settings.end(), {"net-ifname=ib0", "tcp-auth=none"});
    r->options.set(kColocate, "1", Source::given);
    CHECK_EQ(r->complete(), "");
    CHECK(!r->options.has(kNetIfname) && !r->options.has(kTcpAuth));
    r->options.set(kDbPort, "6780", Source::given);
    CHECK_EQ(r->complete(), "");
    CHECK_EQ(r->options.text(kNetIfname), std::string("ib0"));
    CHECK_EQ(r->options.text(kTcpAuth), std::string("none"));
    // Who lets everybody in does so on the loopback, or on an interface that the user named.
    r = std::make_unique<Request>();
    r->settings.emplace_back("net-ifname=ib0");
    r->options.set(kColocate, "1", Source::given);
    r->options.set(kTcpAuth, "none", Source::given);
    CHECK_EQ(r->complete(), "");
    CHECK(!r->options.has(kNetIfname));
    r->options.set(kNetIfname, "ib1", Source::given);
    CHECK_EQ(r->complete(), "");
    CHECK_EQ(r->options.text(kNetIfname), std::string("ib1"));
}

void settings_are_read() {
    const auto r = std::make_unique<Request>();
    r->settings = {"redis=/a",    "inferstep=/bin/inferstep", "statedir=/dev/shm", "redis=/b", "env_allow=A,B_2",
                   "env_allow=C", "setenv=LD_PRELOAD=/x=y"};
    CHECK_EQ(r->complete(), "");
    CHECK_EQ(r->parsed.paths[kRedis], std::string("/b"));
    CHECK_EQ(r->parsed.env_allow[2], std::string("C"));
    CHECK_EQ(r->parsed.set_env[1], std::string("LD_PRELOAD=/x=y"));
    CHECK(r->parsed.set_env[2] == nullptr);
}

void wrong_settings_are_refused() {
    const struct {
        const char* word;
        const char* words;
    } table[] = {
        {"foo=bar", "'foo=bar' is no setting"},
        {"colocate=1", "'colocate=1' is no setting"},
        {"dry-run=yes", "is no setting"},
        {"redis", "'redis' is no setting"},
        {"redis=", "wants an absolute path"},
        {"statedir=tmp", "'statedir=tmp' wants an absolute path"},
        {"db-cpus=abc", "plugstack.conf: db-cpus wants a whole number from 1 to 1024, not 'abc'"},
        {"model=x", "plugstack.conf: model wants NAME:PATH"},
        {"env_allow=", "neither env_allow=NAME"},
        {"env_allow=A B", "neither env_allow=NAME"},
        {"env_allow=A=B", "neither env_allow=NAME"},
        {"setenv=A", "nor setenv=NAME=VALUE"},
        {"setenv==x", "nor setenv=NAME=VALUE"},
    };
    for (const auto& row : table) {
        const auto r = std::make_unique<Request>();
        r->settings.emplace_back(row.word);
        const std::string said = r->complete();
        CHECK_IN(fmt::format("'{}' → '{}'", row.word, said), said.find(row.words) != std::string::npos);
    }
    const auto without = std::make_unique<Request>();
    without->settings.clear();
    CHECK_EQ(without->complete(), "plugstack.conf: spank_infer.so needs inferstep=PATH, the path of the program");
    const auto many = std::make_unique<Request>();
    many->settings.insert(many->settings.end(), kMaxWords, "setenv=A=B");
    CHECK_EQ(many->complete(), "plugstack.conf: 'setenv=A=B' is one too many; 64 fit");
}

// What the option table says, the manual page says.
void the_manual_has_every_option() {
    const Result<std::string> page = read_file(source_path("man/spank_infer.8"));
    if (!CHECK(page)) {
        return;
    }
    const std::size_t defaults = page->find(".It Cm db-cpus , db-tpq");
    const std::string list = page->substr(defaults, page->find('\n', defaults) - defaults) + " ,";
    for (const OptionSpec& spec : kTable) {
        CHECK_IN(spec.name, page->find(fmt::format("\n.It Fl -infer-{}", spec.name)) != std::string::npos);
        CHECK_IN(spec.twin, page->find(fmt::format("\n.It Ev {}\n", spec.twin)) != std::string::npos);
        CHECK_IN(spec.name, (list.find(fmt::format(" {} ,", spec.name)) != std::string::npos) == spec.has_default);
        CHECK_EQ(spec.twin, [&] {
            std::string twin = fmt::format("INFER_{}", spec.name);
            for (char& c : twin) {
                c = c == '-' ? '_' : static_cast<char>(std::toupper(c));
            }
            return twin;
        }());
    }
}

CU_TestInfo kTests[] = {
    {"values are accepted", values_are_accepted},
    {"values are refused, with what would be right", values_are_refused},
    {"long values are refused", long_values_are_refused},
    {"a repeated option must agree", a_repeated_option_must_agree},
    {"what is given replaces what is inherited", what_is_given_replaces_what_is_inherited},
    {"models add up", models_add_up},
    {"the nearest source counts", the_nearest_source_counts},
    {"every source is checked", every_source_is_checked},
    {"contradictions are refused", contradictions_are_refused},
    {"a default interface asks for no TCP", a_default_interface_asks_for_no_tcp},
    {"settings are read", settings_are_read},
    {"wrong settings are refused", wrong_settings_are_refused},
    {"the manual has every option", the_manual_has_every_option},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kOptionsSuite = suite("spank options", kTests);

}  // namespace inferstep::test
