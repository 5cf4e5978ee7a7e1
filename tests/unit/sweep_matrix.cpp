// From a battery file to points: the product, includes, excludes, repeats, placeholders, the order of running.
#include <set>

#include "check.hpp"
#include "suites.hpp"
#include "sweep/battery_file.hpp"
#include "sweep/command_words.hpp"
#include "sweep/duration.hpp"
#include "sweep/matrix.hpp"
#include "sweep/placeholders.hpp"

namespace inferstep::test {
namespace {

using sweep::Battery;
using sweep::Point;

Result<Battery> battery(const std::string& rest) {
    return sweep::parse_battery("name: b\ncommand: echo {a} {b}\nmatrix: {a: [1, 2], b: [x, y]}\n" + rest, "f.yaml");
}
std::string points_of(const std::string& rest) {
    const Result<Battery> b = battery(rest);
    const Result<std::vector<Point>> points = b ? sweep::make_points(*b) : b.error();
    if (!points) {
        return points.error().message;
    }
    std::string text;
    for (const Point& p : *points) {
        text += fmt::format("{} {}{}{}|", p.id, sweep::describe(p.parameters), p.warmup ? " w" : " ", p.repeat);
    }
    return text;
}

void the_first_parameter_is_the_slowest() {
    CHECK_EQ(points_of(""), "p0001 a=1 b=x 1|p0002 a=1 b=y 1|p0003 a=2 b=x 1|p0004 a=2 b=y 1|");
    CHECK_EQ(points_of("exclude: [{a: 1}]\nrepeats: 2\nwarmups: 1\n"),
             "p0001 a=2 b=x w1|p0002 a=2 b=x 1|p0003 a=2 b=x 2|p0004 a=2 b=y w1|p0005 a=2 b=y 1|p0006 a=2 b=y 2|");
}

void includes_add_and_excludes_take_away() {
    CHECK_EQ(points_of("exclude: [{a: 1, b: x}, {a: 2, b: y}]\ninclude: [{a: 1, b: x, c: 3}, {b: z}]\n"),
             "p0001 a=1 b=y 1|p0002 a=2 b=x 1|p0003 a=1 b=x c=3 1|p0004 a=1 b=z 1|p0005 a=2 b=z 1|");
    CHECK_EQ(points_of("include:\n  - {a: 3, b: x}\n  - {a: 2, b: y}\n"),
             "f.yaml, line 6: include[2]: the point a=2 b=y is there already; once is right");
    CHECK_EQ(points_of("exclude: [{a: 1}, {a: 2}]\n"), "f.yaml, line 4: exclude: no point is left");
    const Result<Battery> only = sweep::parse_battery("name: b\ncommand: echo {s}\ninclude: [{s: 1}, {s: 2}]\n", "f");
    CHECK(only && sweep::make_points(*only)->size() == 2);
    const Result<Battery> none = sweep::parse_battery("name: b\ncommand: echo\n", "f");
    CHECK(none && sweep::make_points(*none)->size() == 1);
}

void explosions_are_counted_and_not_made() {
    std::string text = "name: b\ncommand: echo\nmatrix:\n";
    for (char name = 'a'; name <= 'z'; ++name) {
        text += fmt::format("  {}: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n", name);
    }
    const Result<Battery> huge = sweep::parse_battery(text, "f.yaml");
    CHECK(huge);
    CHECK_FAILS(sweep::count_points(*huge), "f.yaml, line 4: matrix: more than 200000 points");
    CHECK_FAILS(sweep::make_points(*huge), "more than 200000 points");
    const Result<Battery> excluded = sweep::parse_battery(text + "exclude: [{a: 1}]\ninclude: [{a: 11}]\n", "f.yaml");
    CHECK_FAILS(sweep::count_points(*excluded), "more than 200000 points");
    const Result<Battery> many = battery("repeats: 100000\n");
    CHECK_FAILS(sweep::count_points(*many),
                "more than 200000 points are more than one battery runs (a 2 x b 2, 100000");
    CHECK_EQ(sweep::count_points(*battery("repeats: 3\nwarmups: 2\nexclude: [{a: 1, b: x}]\n"))->points, 15U);
}

void texts_are_filled() {
    const Result<Battery> b = sweep::parse_battery(
        "name: b\n"
        "command: [\"{a}\", '{\"k\": {a}}', '${a}', '{{a}}', '{a,b}', '{point}-{repeat}-{seed}', '{point_dir}', '{}']\n"
        "seed: 7\nmatrix: {a: ['x y']}\nenvironment: {V: \"{a}/{run_dir}\"}\n"
        "step: {nodes: 2, options: ['--x={a}']}\ntime_limit: '01:00'\n"
        "database: {nodes: 1, options: ['--y={a}'], as_job: yes}\n",
        "f");
    if (!CHECK(b)) {
        return;
    }
    std::vector<Point> points = *sweep::make_points(*b);
    sweep::set_run_directory(points, "/r");
    const Point& p = points[0];
    const std::vector<std::string> words = {"x y",       "{\"k\": x y}",    "${a}", "{a}", "{a,b}",
                                            "p0001-1-7", "/r/points/p0001", "{}"};
    CHECK(p.command == words);
    CHECK_EQ(p.environment[0].second, "x y//r");
    CHECK_EQ(p.step.options[0], "--x=x y");
    CHECK_EQ(p.step.nodes, 2);
    CHECK_EQ(p.time_limit_s, 60.0);
    CHECK(p.database && p.database->as_job && p.database->options[0] == "--y=x y");
    CHECK_EQ(p.all_nodes(), 2);
    const Result<Battery> prepared =
        sweep::parse_battery("name: b\ncommand: x\nseed: 3\nprepare: ['mkdir {run_dir}/{seed}', [a, 'b c']]\n", "f");
    CHECK(prepared && sweep::prepare_commands(*prepared, "/r")[0][1] == "/r/3");
    CHECK(prepared && sweep::prepare_commands(*prepared, "/r")[1][1] == "b c");
}

void numbers_come_from_parameters() {
    const std::string text = "name: b\ncommand: x\nmatrix: {n: [1, two]}\nstep:\n  nodes: '{n}'\n";
    CHECK_FAILS(
        sweep::make_points(*sweep::parse_battery(text, "f.yaml")),
        "f.yaml, line 5: step.nodes: the point n=two has 'two' here; a whole number between 1 and 100000 is right");
    CHECK_FAILS(
        sweep::make_points(*sweep::parse_battery("name: b\ncommand: x\nmatrix: {n: [5h]}\ntime_limit: '{n}'\n", "f")),
        "f, line 4: time_limit: the point n=5h has '5h' here; a time such as 90");
    CHECK_FAILS(sweep::make_points(*sweep::parse_battery(
                    "name: b\ncommand: echo {extra}\nmatrix: {n: [1]}\ninclude: [{n: 2, extra: 1}]\n", "f")),
                "f, line 2: command: the point n=1 has no {extra}");
}

void the_order_has_rounds() {
    const Result<Battery> b = battery("repeats: 3\nwarmups: 1\norder: random\nseed: 42\n");
    if (!CHECK(b)) {
        return;
    }
    const std::vector<std::size_t> order = sweep::running_order(*b, 16);
    CHECK(std::set<std::size_t>(order.begin(), order.end()).size() == 16);
    // The first round has each combination's warm-up and first repeat, side by side.
    for (std::size_t i = 0; i < 8; i += 2) {
        CHECK(order[i] % 4 == 0 && order[i + 1] == order[i] + 1);
    }
    for (std::size_t round = 2; round < 4; ++round) {
        for (std::size_t i = 0; i < 4; ++i) {
            CHECK_EQ(order[round * 4 + i] % 4, round);
        }
    }
    // Written down: it has to be the same on every machine, with every library.
    const std::vector<std::size_t> golden = {4, 5, 0, 1, 12, 13, 8, 9, 6, 2, 14, 10, 7, 11, 15, 3};
    CHECK_IN(fmt::format("{}", fmt::join(order, ", ")), order == golden);
    CHECK(sweep::running_order(*battery("repeats: 3\nwarmups: 1\norder: random\nseed: 43\n"), 16) != order);
    const std::vector<std::size_t> listed = {0, 1, 2, 3};
    CHECK(sweep::running_order(*battery(""), 4) == listed);
}

void commands_are_split_as_a_shell_would() {
    const struct {
        const char* text;
        std::vector<std::string> words;
    } table[] = {{"a  b\tc\nd", {"a", "b", "c", "d"}},
                 {"a 'b c' \"d e\"", {"a", "b c", "d e"}},
                 {"a'b'\"c\"d", {"abcd"}},
                 {"a '' \"\"", {"a", "", ""}},
                 {"a\\ b \\' \\\\", {"a b", "'", "\\"}},
                 {"\"\\\"\\\\\\$\\`\\n\"", {"\"\\$`\\n"}},
                 {"'\\' x", {"\\", "x"}},
                 {"a '|' \"&&\" \\;", {"a", "|", "&&", ";"}},
                 {" a ", {"a"}},
                 {"a {x} $HOME *", {"a", "{x}", "$HOME", "*"}}};
    for (const auto& row : table) {
        const Result<std::vector<std::string>> words = sweep::command_words(row.text);
        CHECK_IN(row.text, words && *words == row.words);
    }
    for (const char* text : {"a 'b", "a \"b", "a \\", "\"a\\\"", "'"}) {
        CHECK_FAILS(sweep::command_words(text), "a quotation mark or backslash has no end");
    }
    for (const char* text : {"", " \n", "'' a"}) {
        CHECK_FAILS(sweep::command_words(text), "a program and its arguments are right");
    }
    for (const char* word : {"|", "||", "&", "&&", ";", ">", ">>", "<", "2>&1"}) {
        CHECK_FAILS(sweep::command_words(fmt::format("a {} b", word)), fmt::format("so that {} means nothing", word));
    }
}

void times_are_read_and_written() {
    const struct {
        const char* text;
        double seconds;
    } table[] = {{"90", 90},
                 {"1.5", 1.5},
                 {"05:00", 300},
                 {"5:00", 300},
                 {"01:30:00", 5400},
                 {"2-12:00:00", 216'000},
                 {"100:00:00", 360'000},
                 {"90:00", 5400}};
    for (const auto& row : table) {
        const Result<double> seconds = sweep::parse_duration(row.text);
        CHECK_IN(row.text, seconds && *seconds == row.seconds);
    }
    for (const char* text : {"",    "0",  "00:00", "-1",   "5h",   "1:60", "1:2:3:4", "1-25:00:00",
                             "1-2", ":5", "5:",    "nan",  "inf",  "1e3",  "0x10",    "99999999999",
                             " 5",  "1-", "-1:00", "1:-5", "1..5", "."}) {
        CHECK_IN(text, !sweep::parse_duration(text));
    }
    CHECK_EQ(sweep::as_duration(0), "00:00:00");
    CHECK_EQ(sweep::as_duration(3725.2), "01:02:06");
    CHECK_EQ(sweep::as_duration(216'000), "2-12:00:00");
}

void placeholders_are_identifiers() {
    using Names = std::vector<std::string>;
    CHECK(sweep::placeholders("{a}{b_1}{ a}{1a}{a b}{}{{c}}{a:d}${e}{{{f}}}{g") == Names({"a", "b_1"}));
    const std::string value = "{b}";
    const auto fill = [&](const char* text) { return sweep::fill(text, [&](std::string_view) { return &value; }); };
    CHECK_EQ(fill("x{a}y"), "x{b}y");
    CHECK_EQ(fill("{\"a\":{\"b\":{c}}}"), "{\"a\":{\"b\":{b}}}");
    CHECK_EQ(fill("{{{a}}}"), "{{a}}");
    CHECK_EQ(fill("{{"), "{{");
    CHECK_EQ(fill("$"), "$");
    CHECK(sweep::is_identifier("_a1") && !sweep::is_identifier("") && !sweep::is_identifier("1a") &&
          !sweep::is_identifier("a-b"));
}

CU_TestInfo kTests[] = {{"the first parameter is the slowest", the_first_parameter_is_the_slowest},
                        {"includes add and excludes take away", includes_add_and_excludes_take_away},
                        {"explosions are counted and not made", explosions_are_counted_and_not_made},
                        {"texts are filled", texts_are_filled},
                        {"numbers come from parameters", numbers_come_from_parameters},
                        {"the order has rounds", the_order_has_rounds},
                        {"commands are split as a shell would", commands_are_split_as_a_shell_would},
                        {"times are read and written", times_are_read_and_written},
                        {"placeholders are identifiers", placeholders_are_identifiers},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kMatrixSuite = suite("matrix", kTests);

}  // namespace inferstep::test
