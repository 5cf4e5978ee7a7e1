// CpuSet, Result, Json, statistics, printable text.
#include <limits>

#include "check.hpp"
#include "core/cpulist.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/result.hpp"
#include "core/stats.hpp"
#include "core/text.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

void lists_are_read() {
    const struct {
        const char* text;
        const char* canonical;
        int count;
    } table[] = {
        {"0", "0", 1},       {"0-3", "0-3", 4},          {"3,1,2", "1-3", 3},         {"0-3,2-5", "0-5", 6},
        {"1023", "1023", 1}, {"0-1023", "0-1023", 1024}, {"7-7,63-64", "7,63-64", 3}, {"0,2,4,6", "0,2,4,6", 4},
        {"007", "7", 1}};
    for (const auto& row : table) {
        CpuSet set;
        CHECK_IN(row.text, parse_cpus(row.text, set));
        CHECK_EQ(cpu_list(set), row.canonical);
        CHECK_EQ(set.count(), row.count);
    }
}

void nonsense_is_no_list() {
    for (const char* text : {"",
                             " ",
                             "a",
                             "1-",
                             "-1",
                             "3-1",
                             "1,",
                             ",1",
                             "1,,2",
                             "1-2-3",
                             "0x1",
                             "1024",
                             "0-1024",
                             "1 ",
                             " 1",
                             "+1",
                             "1;2",
                             "99999999999999999999",
                             "0-99999999999999999999",
                             "1-+2"}) {
        CpuSet set;
        CHECK_IN(text, !parse_cpus(text, set));
    }
}

void list_that_does_not_fit_is_cut() {
    CpuSet set;
    CHECK(parse_cpus("0,2,4,6,8,10,12,14", set));
    char small[10];
    CHECK_EQ(std::string(format_cpus(set, small, sizeof small)).substr(0, 5), "0,2,4");
    CHECK(std::string(small).ends_with("…"));
    CpuSet every_other;
    for (int c = 0; c < kMaxCpus; c += 2) {
        every_other.add(c);
    }
    CHECK(cpu_list(every_other).ends_with(",1022"));
    CHECK_EQ(cpu_list(CpuSet{}), "");
}

void sets_are_combined() {
    CpuSet a;
    CpuSet b;
    CHECK(parse_cpus("0-5,100", a) && parse_cpus("4-7,1000", b));
    CHECK_EQ(cpu_list(a | b), "0-7,100,1000");
    CHECK_EQ(cpu_list(a & b), "4-5");
    CHECK_EQ(cpu_list(a - b), "0-3,100");
    CHECK((a - a).empty() && a == (a | a) && !(a == b));
    CHECK(!a.has(-1) && !a.has(kMaxCpus) && a.has(100));
    CHECK_EQ(a.next(6), 100);
    CHECK_EQ(a.next(101), -1);
    a.remove(100);
    CHECK_EQ(cpu_list(a), "0-5");
}

void own_mask_is_read_and_set() {
    CpuSet before;
    if (!CHECK(get_affinity(0, before)) || !CHECK(!before.empty())) {
        return;
    }
    CpuSet one;
    one.add(before.next(0));
    CHECK(set_affinity(0, one));
    CpuSet now;
    CHECK(get_affinity(0, now) && now == one);
    CHECK(set_affinity(0, before));
    CHECK(!set_affinity(0, CpuSet{}));
}

void errors_carry_message_and_hint() {
    const Result<int> good = 7;
    CHECK(good && *good == 7);
    const Result<int> bad = with_hint(fail("cannot open {}: {}", "x.pt", "gone"), "look elsewhere");
    CHECK(!bad);
    CHECK_EQ(bad.error().message, "cannot open x.pt: gone");
    CHECK_EQ(bad.error().hint, "look elsewhere");
    const Status failed = bad.error();
    CHECK(!failed && failed.error().message == bad.error().message);
    CHECK(Status::ok());
    Result<std::string> text = std::string("abc");
    CHECK_EQ(text->size(), 3U);
}

void json_comes_back_as_written() {
    Json inner = Json::array();
    inner.push("a\"b\n").push(1.5);
    Json all = Json::object();
    all.set("text", "ü").set("yes", true).set("n", 12345678901LL).set("list", std::move(inner));
    Result<Json> back = Json::parse(all.dump(), "test");
    if (!CHECK(back)) {
        return;
    }
    CHECK_EQ(back->text("text"), "ü");
    CHECK_EQ(back->number("n"), 12345678901.0);
    CHECK(back->has("yes") && !back->has("no"));
    const std::vector<Json> items = back->copy_of("list").items();
    if (CHECK(items.size() == 2)) {
        CHECK_EQ(items[0].as_text(), "a\"b\n");
        CHECK_EQ(items[1].as_number(), 1.5);
    }
    CHECK_EQ(back->dump(false), all.dump(false));
}

void json_tolerates_what_is_absent() {
    const Result<Json> json = Json::parse("{\"n\": \"7\", \"t\": 7}", "test");
    if (!CHECK(json)) {
        return;
    }
    CHECK_EQ(json->number("n", 3), 3.0);
    CHECK_EQ(json->text("t", "fallback"), "fallback");
    CHECK_EQ(json->text("absent"), "");
    CHECK(json->copy_of("absent").items().empty());
    for (const char* text : {"", "{", "{\"a\":}", "[1,]", "nul"}) {
        CHECK_FAILS(Json::parse(text, "step.json"), "step.json is not valid JSON");
    }
}

void percentiles_interpolate() {
    const std::vector<double> sample = {4, 1, 3, 2};
    CHECK_EQ(percentile(sample, 0), 1.0);
    CHECK_EQ(percentile(sample, 1), 4.0);
    CHECK_EQ(percentile(sample, 0.5), 2.5);
    CHECK_EQ(percentile({10, 20, 30}, 0.25), 15.0);
    CHECK_EQ(percentile({5}, 0.99), 5.0);
    CHECK_EQ(percentile({}, 0.5), 0.0);
    CHECK_EQ(percentile(sample, -1), 1.0);
    CHECK_EQ(percentile(sample, 2), 4.0);
    CHECK_EQ(mean(sample), 2.5);
    CHECK_EQ(mean({}), 0.0);
}

void control_characters_are_shown() {
    CHECK_EQ(printable("plain ü"), "plain ü");
    CHECK_EQ(printable("a\nb\x1b[31m\x7f"), "a\\x0ab\\x1b[31m\\x7f");
    CHECK_EQ(printable(std::string_view("\0", 1)), "\\x00");
    CHECK_EQ(printable("\xff ü \xc3"), "\\xff ü \\xc3");
}

void texts_become_utf8() {
    for (const char* text : {"", "plain", "ü", "…", "\xf0\x9f\x9a\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"}) {
        CHECK_EQ(as_utf8(text), text);
    }
    // Cut short, a second byte alone, too long a form, half of a pair of UTF-16, beyond Unicode.
    for (const char* text :
         {"\xc3", "\xbc", "\xff", "\xc0\xaf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x9f"}) {
        CHECK_EQ(find_no_utf8("ü" + std::string(text)), 2U);
    }
    CHECK_EQ(as_utf8("a\xff\xfe"
                     "b"),
             "a\xef\xbf\xbd\xef\xbf\xbd"
             "b");
    CHECK_EQ(Json::object().set("a", "\xff").dump(false), "{\"a\":\"\xef\xbf\xbd\"}");
}

CU_TestInfo kTests[] = {{"CPU lists are read", lists_are_read},
                        {"nonsense is no CPU list", nonsense_is_no_list},
                        {"a CPU list that does not fit is cut", list_that_does_not_fit_is_cut},
                        {"CPU sets are combined", sets_are_combined},
                        {"this thread's CPU mask is read and set", own_mask_is_read_and_set},
                        {"errors carry message and hint", errors_carry_message_and_hint},
                        {"JSON comes back as written", json_comes_back_as_written},
                        {"JSON tolerates what is absent and refuses what is broken", json_tolerates_what_is_absent},
                        {"percentiles interpolate", percentiles_interpolate},
                        {"control characters are shown", control_characters_are_shown},
                        {"texts become UTF-8", texts_become_utf8},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kValuesSuite = suite("core values", kTests);

}  // namespace inferstep::test
