// Metrics of a point: numbers, patterns of files, and rules on texts, tables and JSON.
#include <cmath>

#include "check.hpp"
#include "core/file.hpp"
#include "core/shell.hpp"
#include "db/sacct.hpp"
#include "folder.hpp"
#include "suites.hpp"
#include "sweep/metric_files.hpp"
#include "sweep/metric_regex.hpp"
#include "sweep/metric_rule.hpp"
#include "sweep/metric_scan.hpp"

namespace inferstep::test {
namespace {

using sweep::MetricRule;

void words_are_quoted_where_they_must_be() {
    const struct {
        const char* text;
        const char* shell;
        const char* sbatch;
    } table[] = {{"", "''", "\"\""},
                 {"plain-1.2_a/b:c,d=e@f%g+h", "plain-1.2_a/b:c,d=e@f%g+h", "plain-1.2_a/b:c,d=e@f%g+h"},
                 {"a b", "'a b'", "\"a b\""},
                 {"it's", "'it'\\''s'", "\"it's\""},
                 {"\"q\" \\", "'\"q\" \\'", "\"\\\"q\\\" \\\\\""},
                 {"=x", "'=x'", "=x"},
                 {"~", "'~'", "\"~\""},
                 {"#", "'#'", "\"#\""},
                 {"ü", "'ü'", "\"ü\""}};
    for (const auto& row : table) {
        CHECK_EQ(shell_word(row.text), row.shell);
        CHECK_EQ(*sbatch_word(row.text), row.sbatch);
    }
    CHECK_EQ(shell_word("a\nb"), "'a\nb'");
    CHECK_FAILS(sbatch_word("a\nb"), "control character");
    CHECK(is_variable_name("_A9") && !is_variable_name("9A") && !is_variable_name("") && !is_variable_name("A-B"));
    CHECK(!is_variable_name("Ä"));
}

void numbers_are_read_in_no_locale() {
    for (const char* text : {"1500", " 1.5e3", "+1500 ", "1.5E+03", "1500.000", "  0.15e4\t"}) {
        CHECK_IN(text, sweep::parse_real(text) && *sweep::parse_real(text) == 1500);
    }
    for (const char* text : {"", " ", "1,5", "1 5", "1.5x", "0x10", "+-1", "--1", "1e", "one"}) {
        CHECK_FAILS(sweep::parse_real(text), fmt::format("'{}' is no number", text));
    }
    for (const char* text : {"nan", "-inf", "NaN", "infinity"}) {
        CHECK_FAILS(sweep::parse_real(text), fmt::format("'{}' is no finite number", text));
    }
    CHECK_FAILS(sweep::parse_real("1e999"), "larger or smaller than a number can be");
}

void patterns_stay_below_the_point() {
    const Folder folder;
    for (const char* name : {"rank_10.csv", "rank_2.csv", "rank_1.csv", "rank_x.txt", ".rank_3.csv"}) {
        CHECK(write_file(folder / name, "x"));
    }
    CHECK(make_directories(folder / "records/1.10/a") && make_directories(folder / "records/1.9"));
    CHECK(write_file(folder / "records/1.10/t.csv", "x") && write_file(folder / "records/1.9/t.csv", "x"));
    using Names = std::vector<std::string>;
    CHECK(sweep::matching_files(folder.path(), "rank_*.csv") == (Names{"rank_1.csv", "rank_2.csv", "rank_10.csv"}));
    CHECK(sweep::matching_files(folder.path(), "records/*/t.csv") ==
          (Names{"records/1.9/t.csv", "records/1.10/t.csv"}));
    CHECK(sweep::matching_files(folder.path(), "*/t.csv").empty());
    CHECK(sweep::matching_files(folder.path(), "records/1.10/*") == Names{"records/1.10/t.csv"});
    for (const char* text : {"", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/"}) {
        CHECK_IN(text, !sweep::check_pattern(text) && sweep::matching_files(folder.path(), text).empty());
    }
}

void expressions_tell_what_they_need() {
    const struct {
        const char* expression;
        const char* text;
    } table[] = {{"loss=([0-9.]+)", "loss="},
                 {"a|loss=(.*)", ""},
                 {"(x)", ""},
                 {"los+e: (.*)", "los"},
                 {"ab?c*(d) efg", " efg"},
                 {"[a-z]xyz(.)", "xyz"},
                 {"\\d\\s(.)end", "end"},
                 {"\\x41bc(.)", ""},
                 {"[\\]a]bc(.)", "bc"},
                 {"abc{2}de(.)", "ab"},
                 {"^throughput:\\s+(.)", "throughput:"}};
    for (const auto& row : table) {
        CHECK_EQ(sweep::required_text(row.expression), row.text);
    }
}

MetricRule rule(MetricRule::From from, const std::string& file, const std::string& select,
                const std::string& reduce = "last") {
    return {"m", "", from, file, select, reduce};
}

void lines_are_searched_and_reduced() {
    const Folder folder;
    CHECK(write_file(folder / "stdout.log", "loss=4\nnothing\nloss=1 loss=9\r\nloss=+2.5"));
    const struct {
        const char* reduce;
        double value;
        long line;
    } table[] = {{"first", 4, 1}, {"last", 2.5, 4}, {"min", 1, 3}, {"max", 4, 1}, {"mean", 2.5, 4}, {"sum", 7.5, 4}};
    for (const auto& row : table) {
        const auto metric =
            sweep::apply_rule(rule(MetricRule::From::kRegex, "stdout.log", "loss=(\\S+)", row.reduce), folder.path());
        CHECK_IN(row.reduce,
                 metric && metric->value == row.value && metric->line == row.line && metric->file == "stdout.log");
    }
    const auto apply = [&](const std::string& file, const std::string& select) {
        return sweep::apply_rule(rule(MetricRule::From::kRegex, file, select), folder.path());
    };
    CHECK_FAILS(apply("stdout.log", "rate=(.*)"), "metric m: no line matches 'rate=(.*)' in stdout.log");
    CHECK_FAILS(apply("stdout.log", "(noth)ing"), "metric m: stdout.log line 2: 'noth' is no number");
    CHECK_FAILS(apply("other.log", "(.)"), "metric m: there is no file other.log");
    CHECK_FAILS(apply("stdout.log", "("), "metric m: '(' is no regular expression");
    CHECK_FAILS(apply("stdout.log", "a"), "metric m: 'a' has 0 groups");
    CHECK_FAILS(apply("stdout.log", "(a)(b)"), "metric m: '(a)(b)' has 2 groups");
    CHECK_FAILS(apply("../stdout.log", "(a)"), "is no file below the point's directory");
    CHECK(write_file(folder / "long.log", std::string(3'000'000, 'a') + "\nx=7\n"));
    CHECK_EQ(apply("long.log", "(?:a*)*x=(.)")->line, 2);
    CHECK(write_file(folder / "nan.log", "loss=nan\n"));
    CHECK_FAILS(apply("nan.log", "loss=(.*)"), "nan.log line 1: 'nan' is no finite number");
}

void tables_are_read_in_both_forms() {
    const Folder folder;
    CHECK(write_file(folder / "wide.csv", "epoch, \"time, s\",loss\n0,10,1\n1,12.5,2\n\n2,14"));
    CHECK(write_file(folder / "long.csv", "rank,function,time\n0,put,1\n0,run,2\n0,run,4\n"));
    CHECK(write_file(folder / "bare.csv", "1,put,1\n1,run, 6\n"));
    const auto apply = [&](const std::string& file, const std::string& select, const std::string& reduce) {
        return sweep::apply_rule(rule(MetricRule::From::kCsv, file, select, reduce), folder.path());
    };
    if (!CHECK(apply("wide.csv", "loss", "sum"))) {
        return;
    }
    CHECK_EQ(apply("wide.csv", "loss", "sum")->value, 3);
    CHECK_EQ(apply("wide.csv", "loss", "last")->line, 3);
    CHECK_EQ(apply("long.csv", "run", "mean")->value, 3);
    CHECK_EQ(apply("bare.csv", "run", "last")->line, 2);
    CHECK_EQ(apply("[bl]*.csv", "run", "sum")->value, 12);
    CHECK_EQ(apply("[bl]*.csv", "run", "max")->file, "bare.csv");
    CHECK_FAILS(apply("wide.csv", "speed", "sum"), "metric m: wide.csv has no column 'speed'");
    CHECK_FAILS(apply("long.csv", "get", "sum"), "metric m: there is no row with 'get' in long.csv");
    CHECK(write_file(folder / "cut.csv", "rank,function,time\n0,run,0.12"));
    CHECK_FAILS(apply("cut.csv", "run", "sum"), "cut.csv line 2 has no end and is not counted");
    CHECK(write_file(folder / "short.csv", "a,b\n1\n2,3\n"));
    CHECK_FAILS(apply("short.csv", "b", "sum"), "short.csv line 2 has 1 fields where 2 are right");
    CHECK(write_file(folder / "empty.csv", ""));
    CHECK_FAILS(apply("empty.csv", "b", "sum"), "there is no row with 'b' in empty.csv");
}

void members_are_found() {
    const Folder folder;
    CHECK(write_file(folder / "a.json", R"({"a": {"b": [1, {"c.d": 3}, 2.5]}, "t": "x", "7": 8, "n": null})"));
    const auto apply = [&](const std::string& select) {
        return sweep::apply_rule(rule(MetricRule::From::kJson, "a.json", select), folder.path());
    };
    CHECK_EQ(apply("a.b.2")->value, 2.5);
    CHECK_EQ(apply("a.b.2")->line, 0);
    CHECK_EQ(apply("7")->value, 8);
    for (const char* select : {"b", "a.b.3", "a.b.x", "a.b.-1", "a.b.0.0"}) {
        CHECK_FAILS(apply(select), fmt::format("there is no member '{}' in a.json", select));
    }
    CHECK_FAILS(apply("t"), "a.json: t: '\"x\"' is no number");
    CHECK_FAILS(apply("n"), "is no number");
    CHECK(write_file(folder / "b.json", "{\"a\": 1"));
    CHECK_FAILS(sweep::apply_rule(rule(MetricRule::From::kJson, "b.json", "a"), folder.path()),
                "b.json is not valid JSON");
}

void steps_are_found_by_their_points_name() {
    const std::string table =
        "JobID|JobName|State|TRESUsageInTot\n12|sweep|RUNNING|\n12.batch|batch|RUNNING|\n12.0|p0001|COMPLETED|cpu=1\n"
        "12.1|p0010|RUNNING|\n12.2|p0001|COMPLETED|\n121.0|p0001|COMPLETED|cpu=1\n";
    CHECK(steps_called(table, "12", "p0001") == (std::vector<std::string>{"12.0", "12.2"}));
    CHECK(steps_called(table, "12", "p0002").empty() && steps_called(table, "2", "p0001").empty());
    Gatherer gatherer;
    gatherer.gather = "jobacct_gather/cgroup";
    CHECK(is_final(table, "12.0", gatherer) && !is_final(table, "12.1", gatherer) &&
          !is_final(table, "12.9", gatherer));
    CHECK(!is_final(table, "12.2", gatherer));  // it has ended, and its figures have not come yet
    gatherer.gather = "jobacct_gather/none";
    CHECK(is_final(table, "12.2", gatherer));
    CHECK(has_ended(table, "12.2") && !has_ended(table, "12"));
}

CU_TestInfo kTests[] = {{"words are quoted where they must be", words_are_quoted_where_they_must_be},
                        {"numbers are read in no locale", numbers_are_read_in_no_locale},
                        {"patterns stay below the point", patterns_stay_below_the_point},
                        {"expressions tell what they need", expressions_tell_what_they_need},
                        {"lines are searched and reduced", lines_are_searched_and_reduced},
                        {"tables are read in both forms", tables_are_read_in_both_forms},
                        {"members are found", members_are_found},
                        {"steps are found by their point's name", steps_are_found_by_their_points_name},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kMetricsSuite = suite("metrics", kTests);

}  // namespace inferstep::test
