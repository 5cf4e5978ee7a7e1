// What comes from outside into the options: hostile and oversize values of every option, from every source, and the
// administrator's limits.
#include "core/step_request.hpp"

#include <cctype>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "check.hpp"
#include "core/file.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using Variables = std::map<std::string, std::string>;

std::string completed(OptionSet& options, const AdminWords& admin, const Variables& variables = {}) {
    const auto find = [](void* where, const char* name) -> const char* {
        const auto found = static_cast<Variables*>(where)->find(name);
        return found != static_cast<Variables*>(where)->end() ? found->second.c_str() : nullptr;
    };
    Variables environment = variables;
    complete(options, admin, find, &environment);
    Problem why;
    return check(options, admin, why) ? "" : why.text;
}

bool is_printable(const std::string& text) {
    for (const char c : text) {
        if (std::iscntrl(static_cast<unsigned char>(c)) != 0) {
            return false;
        }
    }
    return true;
}

// No option takes these.
std::vector<std::string> never() {
    return {"",
            "\n",
            "1\n",
            "\x1b[31m",
            "\x7f",
            "cpu\r",
            "\t1",
            std::string(kMaxValue + 1, '1'),
            std::string(100'000, 'a')};
}

// No number, size, choice, interface or address does.
constexpr const char* kNotPlain[] = {
    "-1",    "+1",   " 1",     "1 ",     "1;2",  "1,2",  "'1'",          "\"1\"",
    "$(id)", "`id`", "../..",  "a b;rm", "%s%n", "\xff", "\xef\xbc\x91", "99999999999999999999999999999999",
    ";",     "|",    "yes|no", "*"};

void hostile_values_are_refused() {
    for (int id = 0; id < kOptions; ++id) {
        std::vector<std::string> values = never();
        const Kind kind = kTable[id].kind;
        if (kind != Kind::models && kind != Kind::scripts && kind != Kind::directory) {
            const bool is_name = kind == Kind::interface || kind == Kind::database;  // letters and dots are fine there
            values.insert(values.end(), std::begin(kNotPlain) + (is_name ? 3 : 0), std::end(kNotPlain));
        }
        for (const std::string& value : values) {
            Problem why;
            const std::string name = fmt::format("{}={:.40}", kTable[id].name, value);
            CHECK_IN(name, !check_value(id, "--it", value.c_str(), why));
            CHECK_IN(name, std::string(why.text).starts_with("--it") && is_printable(why.text));
        }
    }
}

// The message names the source that is to be mended.
void every_source_is_named() {
    for (int id = 0; id < kOptions; ++id) {
        for (const std::string& value : never()) {
            if (value.empty()) {
                continue;  // as if it were not set
            }
            const auto options = std::make_unique<OptionSet>();
            CHECK(completed(*options, {}, {{kTable[id].twin, value}}).starts_with(kTable[id].twin));
            const auto sent = std::make_unique<OptionSet>();
            sent->set(id, value.c_str(), Source::given);
            CHECK(completed(*sent, {}).starts_with(fmt::format("--infer-{}", kTable[id].name)));
            const auto by_default = std::make_unique<OptionSet>();
            AdminWords admin;
            admin.defaults[id] = value.c_str();
            const std::string said = completed(*by_default, admin);
            const bool unused = id == kNetIfname || id == kTcpAuth || id == kDbCpus;
            CHECK_IN(kTable[id].name,
                     said.starts_with(fmt::format("plugstack.conf: {}", kTable[id].name)) || (unused && said.empty()));
        }
    }
}

void wrong_limits_are_refused() {
    const struct {
        int id;
        const char* value;
    } table[] = {
        {kLimitColocate, "0"},   {kLimitColocate, "65"},  {kLimitColocate, "x"},  {kLimitDbCpus, "50"},
        {kLimitDbCpus, "0%"},    {kLimitDbCpus, "101%"},  {kLimitDbCpus, "%"},    {kLimitDbCpus, "1e1%"},
        {kLimitDbMemory, "8G"},  {kLimitDbMemory, "-1%"}, {kLimitDevice, "auto"}, {kLimitDevice, "cpu|gpu"},
        {kLimitModel, "models"}, {kLimitModel, "/a,b"},   {kLimitModel, "/a,"},   {kLimitTcp, "yes"},
        {kLimitTcp, ""},         {kLimitModel, ""},       {kLimitColocate, "1 "}, {kLimitDbCpus, " 1%"},
    };
    for (const auto& row : table) {
        Problem why;
        CHECK_IN(row.value, !check_limit(row.id, "plugstack.conf: it", row.value, why));
        CHECK(std::string(why.text).starts_with("plugstack.conf: it wants"));
    }
    for (const auto& [id, value] : {std::pair<int, const char*>{kLimitColocate, "64"},
                                    {kLimitDbCpus, "100%"},
                                    {kLimitDbMemory, "1%"},
                                    {kLimitDevice, "gpu"},
                                    {kLimitModel, "/a,/b c/d"},
                                    {kLimitTcp, "secret"}}) {
        Problem why;
        CHECK_IN(value, check_limit(id, "it", value, why));
    }
}

void what_is_beyond_a_limit_is_refused() {
    const struct {
        int limit;
        const char* allowed;
        int option;
        const char* wanted;
        const char* words;  // nullptr: fine
    } table[] = {
        {kLimitColocate, "2", kColocate, "3", "--infer-colocate=3: the administrator's limit-colocate=2"},
        {kLimitColocate, "2", kColocate, "2", nullptr},
        {kLimitDevice, "cpu", kDevice, "gpu", "--infer-device=gpu: the administrator's limit-device=cpu"},
        {kLimitDevice, "gpu", kDevice, "cpu", "limit-device=gpu"},
        {kLimitDevice, "cpu", kDevice, "auto", nullptr},
        {kLimitTcp, "no", kDbPort, "6780", "--infer-db-port=6780: the administrator's limit-tcp=no"},
        {kLimitTcp, "no", kNetIfname, "lo", "limit-tcp=no"},
        {kLimitTcp, "secret", kTcpAuth, "none", "--infer-tcp-auth=none: the administrator's limit-tcp=secret"},
        {kLimitTcp, "secret", kDbPort, "6780", nullptr},
        {kLimitTcp, "no", kDbTpq, "1", nullptr},
    };
    for (const auto& row : table) {
        for (const Source source : {Source::given, Source::inherited, Source::environment}) {
            const auto options = std::make_unique<OptionSet>();
            AdminWords admin;
            admin.limits[row.limit] = row.allowed;
            options->set(kColocate, "1", Source::given);
            Variables variables;
            if (source == Source::environment && row.option != kColocate) {
                variables[kTable[row.option].twin] = row.wanted;
            } else {
                options->set(row.option, row.wanted, source);
            }
            const std::string said = completed(*options, admin, variables);
            CHECK_IN(said, row.words == nullptr ? said.empty()
                                                : said.find("the administrator's limit-") != std::string::npos);
            if (source == Source::given && row.words != nullptr) {
                CHECK_IN(said, said.find(row.words) != std::string::npos);
            }
        }
    }
}

void defaults_give_way_to_limits() {
    const auto options = std::make_unique<OptionSet>();
    AdminWords admin;
    admin.limits[kLimitDevice] = "cpu";
    admin.defaults[kNumDevices] = "2";
    options->set(kColocate, "1", Source::given);
    CHECK_EQ(completed(*options, admin), "");
    CHECK_EQ(options->text(kDevice), std::string("cpu"));  // auto means what is allowed
    CHECK(!options->has(kNumDevices));
    const auto wrong = std::make_unique<OptionSet>();
    wrong->set(kColocate, "1", Source::given);
    admin.defaults[kDevice] = "gpu";
    CHECK_EQ(
        completed(*wrong, admin),
        "plugstack.conf: device=gpu: the administrator's limit-device=cpu does not allow it, and plugstack.conf has "
        "both: to be mended there");
}

// What the tables say, the manual page says.
void the_manual_has_choices_limits_and_aliases() {
    const Result<std::string> page = read_file(source_path("man/spank_infer.8"));
    const Result<std::string> example = read_file(source_path("etc/inferstep.conf"));
    if (!CHECK(page) || !CHECK(example)) {
        return;
    }
    for (const LimitSpec& spec : kLimitTable) {
        CHECK_IN(spec.name, page->find(fmt::format("\n.It Cm {} Ns = Ns ", spec.name)) != std::string::npos);
        CHECK_IN(spec.name, example->find(fmt::format("\n#   {}=", spec.name)) != std::string::npos);
    }
    for (const Alias& alias : kAliases) {
        CHECK_IN(alias.name, page->find(fmt::format("\n.Fl -infer-{}\n", alias.name)) != std::string::npos);
    }
    const std::string synopsis = page->substr(0, page->find(".Sh DESCRIPTION"));
    for (const OptionSpec& spec : kTable) {
        CHECK_IN(spec.name, synopsis.find(fmt::format("Fl -infer-{}", spec.name)) != std::string::npos);
        std::string choices = fmt::format("\n.It Fl -infer-{} Ns = Ns Cm {}\n", spec.name, spec.words);
        for (std::size_t at = 0; (at = choices.find('|', at)) != std::string::npos; at += 12) {
            choices.replace(at, 1, " Ns | Ns Cm ");
        }
        CHECK_IN(choices, spec.kind != Kind::choice || page->find(choices) != std::string::npos);
        const std::string entry = page->substr(page->find(fmt::format("\n.It Fl -infer-{}", spec.name)), 1200);
        CHECK_IN(spec.name, spec.kind != Kind::number ||
                                entry.find(fmt::format("{} to {}", spec.low, spec.high)) != std::string::npos);
        CHECK_IN(spec.name,
                 *spec.builtin == '\0' || spec.kind == Kind::flag || entry.find(spec.builtin) != std::string::npos);
        CHECK_IN(spec.name, !spec.has_default || example->find(fmt::format(" {}=", spec.name)) != std::string::npos);
    }
}

CU_TestInfo kTests[] = {
    {"S10: hostile and oversize values are refused", hostile_values_are_refused},
    {"R13: every source is checked and named", every_source_is_named},
    {"wrong limits are refused", wrong_limits_are_refused},
    {"what is beyond a limit is refused", what_is_beyond_a_limit_is_refused},
    {"defaults give way to limits", defaults_give_way_to_limits},
    {"the manual has choices, limits and aliases", the_manual_has_choices_limits_and_aliases},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kRequestSuite = suite("step request", kTests);

}  // namespace inferstep::test
