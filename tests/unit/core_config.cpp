// Configuration files: what is read, where complaints point, how files go over each other, and what is written.
#include "check.hpp"
#include "core/config.hpp"
#include "core/file.hpp"
#include "folder.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

Result<Config> read(const std::string& text) { return Config::parse(text, "f.yaml"); }

void values_are_what_was_written() {
    const Result<Config> c = read("a: 1\nb: [x, \"07\", None]\nc: {d: 'None', e: True}\nf:\n");
    if (!CHECK(c)) {
        return;
    }
    CHECK_EQ(*c->find("a")->as_number(0, 9), 1);
    CHECK_EQ(c->find("b")->items()[1].text(), "07");
    CHECK(c->find("b")->items()[1].quoted());
    CHECK(c->find("b")->items()[2].is_null());
    CHECK_EQ(*c->find("c")->find("d")->as_text(), "None");
    CHECK(*c->find("c")->find("e")->as_flag());
    CHECK(c->find("f")->is_null());
    CHECK(c->find("g") == nullptr);
    CHECK_EQ(c->find("c")->find("e")->path(), "c.e");
    CHECK_EQ(c->find("b")->items()[1].path(), "b[2]");
    CHECK_EQ(c->find("c")->line(), 3);
    CHECK_EQ(c->find("f")->line(), 4);
}

void python_and_json_are_understood() {
    const Result<Config> python = Config::parse("{\"C\":\"V100\", 'exclusive': None, 'n': [1, 2]}", "--batch_args");
    CHECK(python && python->find("exclusive")->is_null() && python->find("C")->text() == "V100");
    const Result<Config> json = read("{\n \"a\": [1, 2.5, true, null, \"\\u00e9\\n\"],\n \"b\": {}\n}\n");
    if (!CHECK(json)) {
        return;
    }
    CHECK_EQ(json->find("a")->items()[4].text(), "\xc3\xa9\n");
    CHECK_EQ(json->find("b")->line(), 3);
    CHECK(json->find("b")->kind() == Config::Kind::kMap);
}

void malformed_texts_name_the_line() {
    const struct {
        const char* text;
        const char* words;
    } table[] = {
        {"a: 1\nb: [1, 2\nc: 3\n", "f.yaml, line "},
        {"a: 1\n  b: 2\n", "f.yaml, line 2, column "},
        {"a: 1\nb: \"\xff\"\n", "f.yaml, line 2: a byte here is none of UTF-8"},
        {"{\"a\": 1,\n \"b\" 2}", "f.yaml, line 2, column "},
        {"a: 'no end\n", "f.yaml, line "},
        {"a: *nowhere\n", "f.yaml, line 1, column "},
        {"a: 1\nb: 2\na: 3\n", "f.yaml, line 3: a: the key stands there twice; once is right"},
        {"m:\n  x: {y: 1,\n      y: 2}\n", "f.yaml, line 3: m.x.y: the key stands there twice; once is right"},
        {"[1, 2]: 3\n", "f.yaml, line 1: a key that is a plain word is right"},
        {"a: 1\n---\nb: 2\n", "f.yaml, line 3: a second document begins here; one is right"},
        {"a: \"x\\0y\"\n", "f.yaml, line 1: a: a text without control characters is right"},
        {"a: \"\\e[31m\"\n", "f.yaml, line 1: a: a text without control characters is right"},
    };
    for (const auto& row : table) {
        CHECK_FAILS(read(row.text), row.words);
    }
}

void what_nobody_writes_is_refused() {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 9; ++i) {
        bomb += fmt::format("a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i, i - 1);
    }
    CHECK_FAILS(read(bomb), "more than 200000 values are more than a configuration has");
    CHECK_FAILS(read("a: &a [1, *a]\n"), "nothing stands deeper than 64 lists and maps");
    CHECK_FAILS(read("a: &a\n  b: *a\n"), "nothing stands deeper than 64 lists and maps");
    CHECK_FAILS(read(std::string(100, '[') + std::string(100, ']')), "nothing stands deeper than 64");
    CHECK_FAILS(read(std::string(1'000'000, '[')), "f.yaml, line 1, column 1: ");
    CHECK_FAILS(read(std::string(1'000'000, '{')), "f.yaml, line 1, column 1: ");
    CHECK_FAILS(Config::read("/nowhere/f.yaml"), "/nowhere/f.yaml");
    CHECK_FAILS(Config::read("/"), "/");
    CHECK_FAILS(Config::read("/dev/zero"), "/dev/zero is a device; a file is right");
    const Folder folder;
    CHECK(write_file(folder / "big.yaml", std::string(5 << 20, '#')));
    CHECK_FAILS(Config::read(folder / "big.yaml"), "big.yaml has 5242880 bytes; a configuration has at most 4194304");
}

void wrong_values_name_the_key() {
    const Result<Config> c = read("n: 12\nr: 1.5\nt: [a]\nm: {k: v}\nx: abc\nlast:\n  - q: no\n");
    if (!CHECK(c)) {
        return;
    }
    CHECK_FAILS(c->find("n")->as_number(1, 9), "f.yaml, line 1: n: a whole number between 1 and 9 is right");
    CHECK_FAILS(c->find("r")->as_number(1, 9), "f.yaml, line 2: r: a whole number between 1 and 9 is right");
    CHECK_FAILS(c->find("x")->as_real(0, 1), "f.yaml, line 5: x: a number between 0 and 1 is right");
    CHECK_FAILS(Config::of("nan").as_real(0, 1), "a number between 0 and 1 is right");
    CHECK_FAILS(c->find("x")->as_flag(), "f.yaml, line 5: x: true or false is right");
    CHECK_FAILS(c->find("t")->as_text(), "f.yaml, line 3: t: one word or text is right");
    CHECK_FAILS(c->find("m")->as_texts(), "f.yaml, line 4: m: a list of words is right");
    CHECK_FAILS(c->find("last")->items()[0].find("q")->as_number(0, 1), "f.yaml, line 7: last[1].q: ");
    CHECK(c->find("x")->as_texts() && c->find("x")->as_texts()->size() == 1);
}

void unknown_keys_are_guessed() {
    const Result<Config> c = read("repeats: 1\nmetrix: 2\n");
    if (!CHECK(c)) {
        return;
    }
    CHECK(c->only({"repeats", "metrix"}));
    const Status near = c->only({"repeats", "matrix"});
    CHECK_FAILS(near, "f.yaml, line 2: metrix: there is no such key");
    CHECK_EQ(near.error().hint, "did you mean matrix?");
    CHECK_EQ(c->only({"repeats", "zzzzz"}).error().hint, "there are repeats, zzzzz");
    CHECK_FAILS(c->find("metrix")->only({"a", "b"}), "f.yaml, line 2: metrix: keys with values are right: a, b");
    CHECK_FAILS(read("")->only({"a"}), "f.yaml, line 1: keys with values are right: a");
}

void later_ones_go_over_earlier_ones() {
    const Config base = *read("a: 1\nm: {x: [1, 2], y: 2, z: 3}\nl: [1, 2]\n");
    const Config over = *Config::parse("m:\n  x: [9]\n  z: null\n  w: 4\nl: [3]\nb: 5\n", "g.yaml");
    const Config both = base.with(over);
    CHECK_EQ(both.yaml(), "a: 1\nm:\n  x: [9]\n  y: 2\n  w: 4\nl: [3]\nb: 5\n");
    CHECK_FAILS(both.find("m")->find("x")->as_text(), "g.yaml, line 2: m.x: ");
    CHECK_FAILS(both.find("m")->find("y")->as_flag(), "f.yaml, line 2: m.y: ");
}

void settings_are_small_files() {
    const Config c = *read("m: {x: 1}\nt: old\n");
    const auto set = [&](const char* text) { return c.with(*Config::parse_setting(text, "--set")).yaml(); };
    CHECK_EQ(set("m.x=[1,2]"), "m:\n  x: [1, 2]\nt: old\n");
    CHECK_EQ(set("m.y.z=7"), "m:\n  x: 1\n  y:\n    z: 7\nt: old\n");
    CHECK_EQ(set("t=a: b, c=d"), "m:\n  x: 1\nt: \"a: b, c=d\"\n");
    CHECK_EQ(set("t='None'"), "m:\n  x: 1\nt: \"None\"\n");
    CHECK_EQ(set("t="), "m:\n  x: 1\n");
    for (const char* text : {"", "x", "=1", "a..b=1", ".a=1", "a.=1"}) {
        CHECK_FAILS(Config::parse_setting(text, "--set"), "--set: key=value or key.key=value is right");
    }
    CHECK_FAILS(Config::parse_setting("a=[1", "--set a=[1"), "--set a=[1, line 1, column ");
    const Config wrong = c.with(*Config::parse_setting("m.x=[{q: 1}]", "--set m.x=[{q: 1}]"));
    CHECK_FAILS(wrong.find("m")->find("x")->items()[0].as_text(), "--set m.x=[{q: 1}]: one word or text is right");
    CHECK_EQ(wrong.find("m")->find("x")->items()[0].find("q")->path(), "m.x[1].q");
}

bool same(const Config& a, const Config& b) {
    bool equal = a.kind() == b.kind() && a.text() == b.text() && a.items().size() == b.items().size() &&
                 a.members().size() == b.members().size();
    for (std::size_t i = 0; equal && i < a.items().size(); ++i) {
        equal = same(a.items()[i], b.items()[i]);
    }
    for (std::size_t i = 0; equal && i < a.members().size(); ++i) {
        equal = a.members()[i].first == b.members()[i].first && same(a.members()[i].second, b.members()[i].second);
    }
    return equal;
}

void what_is_written_is_read_again() {
    std::vector<Config> words;
    for (const char* text :
         {"",         " ",   "a",    "a b", "-",        "-1",        "--x",  "---",   "- a",  "a: b",
          "a:",       "#x",  "a #x", "'",   "\"",       "\\",        "null", "None",  "~",    "true",
          "07",       "1e3", "{a}",  "[",   "*a",       "&a",        "!a",   "%a",    "@a",   "`a",
          "|",        ">",   "?",    "a\n", "a\n\nb",   "\na",       " a\n", "a\n\n", "a\tb", "a \nb",
          "\xc3\xa9", "x,y", "=",    "<<",  "a\n  b\n", "$HOME/{x}", "...",  "."}) {
        words.push_back(Config::of(text));
    }
    std::vector<std::pair<std::string, Config>> members;
    for (const Config& word : words) {
        members.emplace_back(fmt::format("k{}", members.size()), word);
    }
    members.emplace_back("", Config::of("empty key"));
    members.emplace_back("a b: c", Config::of("x"));
    const Config map = Config::of(members);
    const Config all = Config::of({{"flow", Config::of(words)},
                                   {"map", map},
                                   {"none", Config::of(std::vector<Config>{})},
                                   {"deep", Config::of({map, Config::of(words), Config::of({map}), Config::of("x")})}});
    const Result<Config> again = read(all.yaml());
    if (!again) {
        CHECK_EQ(again.error().message, all.yaml());
        return;
    }
    CHECK_IN(all.yaml(), same(all, *again));
    CHECK_EQ(again->yaml(), all.yaml());
    CHECK_EQ(Config::of({{"script", Config::of("set -e\n\n  echo {x}\n")}}).yaml(),
             "script: |\n  set -e\n\n    echo {x}\n");
}

CU_TestInfo kTests[] = {{"values are what was written", values_are_what_was_written},
                        {"Python's words and JSON are understood", python_and_json_are_understood},
                        {"malformed texts name the line", malformed_texts_name_the_line},
                        {"what nobody writes is refused", what_nobody_writes_is_refused},
                        {"wrong values name the key", wrong_values_name_the_key},
                        {"unknown keys are guessed", unknown_keys_are_guessed},
                        {"later ones go over earlier ones", later_ones_go_over_earlier_ones},
                        {"settings are small files", settings_are_small_files},
                        {"what is written is read again", what_is_written_is_read_again},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kConfigSuite = suite("configuration", kTests);

}  // namespace inferstep::test
