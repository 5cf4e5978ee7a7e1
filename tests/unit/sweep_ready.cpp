// The flags of the ready-made batteries, and the values that people write for them.
#include "check.hpp"
#include "suites.hpp"
#include "sweep/ready_flags.hpp"
#include "sweep/ready_literal.hpp"
#include "sweep/ready_splits.hpp"

namespace inferstep::test {
namespace {

using sweep::ReadyFlags;
using Texts = std::vector<std::string>;

std::string shown(const Result<Texts>& texts) {
    return texts ? fmt::format("{}", fmt::join(*texts, "|")) : "error: " + texts.error().message;
}

void lists_are_pythons_and_yamls() {
    const struct {
        const char* text;
        const char* meant;
    } table[] = {{"[2,4]", "2|4"},
                 {"2,4", "2|4"},
                 {"2", "2"},
                 {"(2, 4)", "2|4"},
                 {"(2,)", "2"},
                 {" [ 2 , 4 ] ", "2|4"},
                 {"['a', \"b\"]", "a|b"},
                 {"[]", ""},
                 {"()", ""},
                 {"None", ""},
                 {"[cpp,fortran]", "cpp|fortran"},
                 {"['a(b)']", "a(b)"},
                 {"'a,b',c", "a,b|c"}};
    for (const auto& row : table) {
        CHECK_EQ(shown(sweep::literal_list("--f", row.text)), row.meant);
    }
    CHECK_FAILS(sweep::literal_list("--f", "[2,4"), "--f=[2,4, line 1, column ");
    CHECK_FAILS(sweep::literal_list("--f", "[2,[4]]"), "[2]: one word or text is right");
    CHECK_FAILS(sweep::literal_list("--f", "['a]"), "--f=['a], line 1, column ");
}

void single_values_are_taken_as_they_are() {
    for (const char* text : {"05:00:00", "a, b", "C:\\x", "{a}", "#a", "- a"}) {
        CHECK_EQ(shown(sweep::literal_text("--f", text)), text);
    }
    CHECK_EQ(shown(sweep::literal_text("--f", "'a'")), "a");
    CHECK_EQ(shown(sweep::literal_text("--f", "[12]")), "12");
    CHECK_FAILS(sweep::literal_text("--f", "[1,2]"), "--f=[1,2]: one value is right");
}

void dictionaries_are_options_of_sbatch() {
    CHECK_EQ(shown(sweep::sbatch_words("--b", R"({"C":"V100", "exclusive": None})")), "-C|V100|--exclusive");
    CHECK_EQ(shown(sweep::sbatch_words("--b", "{'gpus-per-node': 2, 'requeue': True, 'no_kill': False}")),
             "--gpus-per-node=2|--requeue");
    CHECK_EQ(shown(sweep::sbatch_words("--b", "{constraint: 'a&b', comment: 'None'}")),
             "--constraint=a&b|--comment=None");
    CHECK_EQ(shown(sweep::sbatch_words("--b", "{}")), "");
    CHECK_EQ(shown(sweep::sbatch_words("--b", "None")), "");
    CHECK_FAILS(sweep::sbatch_words("--b", "{'a b': 1}"), "--b: 'a b' is no option of sbatch");
    CHECK_FAILS(sweep::sbatch_words("--b", "{'wrap': 'true'}"), "--b: 'wrap' cannot be given");
    CHECK_FAILS(sweep::sbatch_words("--b", "[1]"), "options of sbatch are right");
    CHECK_FAILS(sweep::sbatch_words("--b", "{'C': [1]}"), "C: one word or text is right");
    CHECK_FAILS(sweep::sbatch_words("--b", R"({"C":"V100")"), "--b={\"C\":\"V100\", line 1, column ");
}

void flags_are_spelled_in_many_ways() {
    for (const Texts& words :
         {Texts{"--db_cpus=[2,4]"}, {"--db-cpus=2,4"}, {"--db_cpus", "2,4"}, {"--db-cpus", "(2,4)"}}) {
        const Result<ReadyFlags> flags = ReadyFlags::parse(sweep::inference_flags(false), words);
        CHECK_IN(words[0], flags && flags->texts("db_cpus") == Texts({"2", "4"}) && flags->given("db_cpus"));
    }
    for (const Texts& words : {Texts{"--rebuild_model"},
                               {"--rebuild-model=True"},
                               {"--rebuild_model", "true"},
                               {"--rebuild_model", "--nodes=1"},
                               {"--norebuild_model", "--rebuild"}}) {
        const Result<ReadyFlags> flags = ReadyFlags::parse(sweep::inference_flags(false), words);
        CHECK_IN(words[0], words.back() == "--rebuild" ? !flags : flags && flags->on("rebuild_model"));
    }
    const Result<ReadyFlags> twice =
        ReadyFlags::parse(sweep::inference_flags(false), {"--nodes=1", "--device=CPU", "--nodes=2,3"});
    CHECK(twice && twice->texts("nodes") == Texts({"2", "3"}));
    const Result<ReadyFlags> denied =
        ReadyFlags::parse(sweep::inference_flags(true), {"--norun_db_as_batch", "--device=cpu", "--languages", "CPP"});
    if (CHECK(denied)) {
        CHECK(!denied->on("run_db_as_batch"));
        CHECK_EQ(denied->text("device"), "CPU");
        CHECK(denied->texts("languages") == Texts{"cpp"});
        CHECK_EQ(denied->largest("clients_per_node"), 48);
        CHECK(!denied->given("clients_per_node"));
    }
}

void layers_are_split() {
    using Splits = Result<Texts>;
    const auto is = [](const Splits& splits, const Texts& wanted) { return splits && *splits == wanted; };
    CHECK(is(sweep::splits_of({"all"}, 4, 2), {"1,3", "2,2", "3,1"}));
    CHECK(is(sweep::splits_of({"all"}, 4, 3), {"1,1,2", "1,2,1", "2,1,1"}));
    CHECK(is(sweep::splits_of({"auto"}, 26, 2),
             {"1,25", "4,22", "7,19", "10,16", "13,13", "16,10", "19,7", "22,4", "25,1"}));
    CHECK(is(sweep::splits_of({"auto"}, 2, 2), {"1,1"}));
    CHECK(is(sweep::splits_of({"auto"}, 5, 4), {"2,1,1,1", "1,1,1,2"}));
    CHECK(is(sweep::splits_of({"13+13", "12/14", "10-16"}, 26, 2), {"13,13", "12,14", "10,16"}));
    CHECK_FAILS(sweep::splits_of({"13+12"}, 26, 2), "--splits: 13+12 has 25 layers, and the model has 26");
    CHECK_FAILS(sweep::splits_of({"13+12+1"}, 26, 2), "--splits: 13+12+1 has 3 parts, and there are 2 stages");
    CHECK_FAILS(sweep::splits_of({"26+0"}, 26, 2), "--splits: '26+0' is no split");
    CHECK_FAILS(sweep::splits_of({"13+13", "13-13"}, 26, 2), "13,13 stands there twice");
    CHECK_FAILS(sweep::splits_of({"all"}, 26, 8), "there are more than 1000 partitions");
    CHECK_FAILS(sweep::splits_of({"auto"}, 3, 4), "--stages=4: the model has 3 layers");
}

void mistakes_are_named() {
    const struct {
        Texts words;
        const char* message;
    } table[] = {{{"--db_cpu=2"}, "--db_cpu: there is no such flag"},
                 {{"--db_nodes=2"}, "--db_nodes: there is no such flag"},  // of the other battery
                 {{"nodes=2"}, "'nodes=2' is no flag"},
                 {{"--nodes"}, "--nodes wants a value"},
                 {{"--nodes="}, "--nodes: the list is empty"},
                 {{"--nodes=[]"}, "--nodes: the list is empty"},
                 {{"--nodes=0"}, "--nodes: 0 is out of range; give 1 to 65533"},
                 {{"--nodes=[1,x]"}, "--nodes: 'x' is not a whole number"},
                 {{"--nodes=99999999999999999999"}, "is out of range"},
                 {{"--nodes=[1,2,1]"}, "--nodes: 1 stands there twice"},
                 {{"--device=TPU"}, "--device: 'TPU' is not one of GPU, CPU, auto"},
                 {{"--languages=[cpp,python]"}, "--languages: 'python' is not one of"},
                 {{"--rebuild_model=maybe"}, "--rebuild_model=maybe: True or False is right"},
                 {{"--norebuild_model=False"}, "takes no value"},
                 {{"--exp_name=a\nb"}, "--exp_name: a control character"},
                 {{"--exp_name="}, "--exp_name wants a value"},
                 {{"--"}, "'--' is no flag"}};
    for (const auto& row : table) {
        CHECK_FAILS(ReadyFlags::parse(sweep::inference_flags(false), row.words), row.message);
    }
    CHECK_EQ(ReadyFlags::parse(sweep::inference_flags(false), {"--db_cpu=2"}).error().hint, "did you mean --db_cpus?");
    CHECK_EQ(ReadyFlags::parse(sweep::inference_flags(true), {"--client_node=2"}).error().hint,
             "did you mean --client_nodes?");
}

CU_TestInfo kTests[] = {{"lists are Python's and YAML's", lists_are_pythons_and_yamls},
                        {"single values are taken as they are", single_values_are_taken_as_they_are},
                        {"dictionaries are options of sbatch", dictionaries_are_options_of_sbatch},
                        {"flags are spelled in many ways", flags_are_spelled_in_many_ways},
                        {"layers are split", layers_are_split},
                        {"mistakes are named", mistakes_are_named},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kReadySuite = suite("ready", kTests);

}  // namespace inferstep::test
