// Student's t, intervals and the writing of numbers, against values that were calculated elsewhere.
#include <cmath>

#include "check.hpp"
#include "core/text.hpp"
#include "report/interval.hpp"
#include "report/numbers.hpp"
#include "report/text_table.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace inferstep::report;

bool near(double a, double b, double tolerance = 1e-9) { return std::fabs(a - b) <= tolerance * std::fabs(b); }

void t_is_that_of_the_tables() {
    const double known[][3] = {{0.95, 1, 12.706204736},  {0.95, 2, 4.3026527297},  {0.95, 3, 3.1824463053},
                               {0.95, 4, 2.7764451052},  {0.95, 9, 2.2621571628},  {0.95, 30, 2.0422724563},
                               {0.99, 5, 4.0321429836},  {0.90, 12, 1.7822875556}, {0.95, 1000, 1.9623390808},
                               {0.95, 1e7, 1.9599642115}};
    for (const auto& [confidence, freedom, t] : known) {
        CHECK_IN(fmt::format("{} {}", confidence, freedom), near(student_t(confidence, freedom), t, 1e-8));
    }
    // Cauchy's distribution, with its closed form, and degrees of freedom that are no whole number between their
    // neighbours.
    CHECK(near(student_t(0.5, 1), 1));
    CHECK(student_t(0.95, 2.5) < student_t(0.95, 2) && student_t(0.95, 2.5) > student_t(0.95, 3));
    CHECK(std::isnan(student_t(0.95, 0)));
}

void an_interval_needs_two_repeats() {
    const Value one = of_repeats({2.5}, {7});
    CHECK(one.value == 2.5 && std::isnan(one.low) && std::isnan(one.high));
    CHECK(one.from == std::vector<std::size_t>{7});
    const Value none = of_repeats({}, {});
    CHECK(std::isnan(none.value) && none.from.empty());
    // 1, 2, 3: mean 2, deviation 1, half 4.3026527297 / √3.
    const Value three = of_repeats({1, 2, 3}, {0, 1, 2});
    CHECK(near(three.value, 2) && near(half_width(three), 4.3026527297 / std::sqrt(3.0), 1e-8));
    CHECK(near(three.low + three.high, 4));
}

void what_is_unknown_is_left_out() {
    const Value v = of_repeats({1, kUnknown, 3}, {4, 5, 6});
    CHECK(near(v.value, 2));
    CHECK(v.from == std::vector<std::size_t>({4, 6}));
    CHECK(near(half_width(v), 12.706204736, 1e-8));  // s = √2, √2 / √2 = 1
}

void a_ratio_has_both_sides_errors() {
    const Value a = of_repeats({10, 12, 11}, {0, 1, 2});
    const Value b = of_repeats({5, 5.5}, {3, 4});
    const Value r = ratio(a, b);
    CHECK(near(r.value, 11 / 5.25));
    CHECK_EQ(r.from.size(), 5U);
    const double va = 1.0 / 3 / 121;
    const double vb = 0.125 / 2 / (5.25 * 5.25);
    const double freedom = (va + vb) * (va + vb) / (va * va / 2 + vb * vb / 1);
    CHECK(near(half_width(r), student_t(0.95, freedom) * r.value * std::sqrt(va + vb), 1e-8));
    const Value one = of_repeats({4}, {9});
    CHECK(near(ratio(a, one).value, 2.75) && std::isnan(ratio(a, one).low));
    CHECK(std::isnan(ratio(a, of_repeats({0, 0}, {1, 2})).value));
    // Repeats without any spread: an interval of no width, not none.
    CHECK(half_width(ratio(of_repeats({2, 2}, {0, 1}), of_repeats({1, 1}, {2, 3}))) == 0);
}

void numbers_have_their_digits() {
    CHECK_EQ(significant(1376.83, 4), "1377");
    CHECK_EQ(significant(9.9996, 4), "10.00");
    CHECK_EQ(significant(0.00012999, 4), "0.0001300");
    CHECK_EQ(significant(1234567, 4), "1234567");
    CHECK_EQ(significant(-2.5, 4), "-2.500");
    CHECK_EQ(significant(1e-7, 4), "1.000e-07");
    CHECK_EQ(significant(0, 4), "0");
    CHECK_EQ(significant(kUnknown, 4), "-");
    CHECK_EQ(significant(HUGE_VAL, 4), "-");
    CHECK_EQ(duration(0.0123456), "12.35 ms");
    CHECK_EQ(duration(3e-6), "3.000 µs");
    CHECK_EQ(duration(kUnknown), "-");
}

void a_table_is_cut_where_there_is_no_room() {
    TextTable table(1);
    table.column("name", true);
    table.column("größe");
    table.column("zwei");
    table.column("never");
    table.row({"ä", "1", "22", "-"});
    table.row({"bb", "333", "-", "-"});
    CHECK_EQ(table.draw(), "name  größe  zwei\nä         1    22\nbb      333     -\n");
    CHECK_EQ(table.draw(12), "name  größe\nä         1\nbb      333\n\nname  zwei\nä       22\nbb       -\n");
    CHECK_EQ(shortened("äöüß", 3), "äö…");
    CHECK_EQ(wrapped("  a b", 4), "  a b\n");
    const std::string twice = wrapped("  " + std::string(60, 'x') + " " + std::string(60, 'y'), 4);
    CHECK_EQ(twice, "  " + std::string(60, 'x') + "\n    " + std::string(60, 'y') + "\n");
}

CU_TestInfo kTests[] = {{"Student's t is that of the tables", t_is_that_of_the_tables},
                        {"an interval needs two repeats", an_interval_needs_two_repeats},
                        {"what is unknown is left out", what_is_unknown_is_left_out},
                        {"a ratio has both sides' errors", a_ratio_has_both_sides_errors},
                        {"numbers have their digits", numbers_have_their_digits},
                        {"a table is cut where there is no room", a_table_is_cut_where_there_is_no_room},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kReportIntervalSuite = suite("report_interval", kTests);

}  // namespace inferstep::test
