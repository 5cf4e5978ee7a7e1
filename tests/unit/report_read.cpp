// The readers of report at their lowest: rows of ranks, CSV with a header, INI, and where a time stands.
#include <cmath>

#include "check.hpp"
#include "core/file.hpp"
#include "db/sacct.hpp"
#include "folder.hpp"
#include "report/csv.hpp"
#include "report/ini.hpp"
#include "report/read.hpp"
#include "report/read_parts.hpp"
#include "report/read_rows.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace inferstep::report;

using Times = std::vector<std::pair<std::string, double>>;

struct Rows {
    Times good;
    std::vector<std::int64_t> lines, bad;
    std::vector<std::string> whys;
};

Rows rows_of(const std::string& text, int rank = 0, std::string_view skip = {}) {
    const Folder folder;
    const std::string path = folder / "rank_0.csv";
    CHECK(write_file(path, text));
    Rows rows;
    RowUse use;
    use.skip = skip;
    use.row = [&](std::string_view function, double seconds, std::int64_t line) {
        rows.good.emplace_back(function, seconds);
        rows.lines.push_back(line);
    };
    use.bad = [&](std::int64_t line, std::string why) {
        rows.bad.push_back(line);
        rows.whys.push_back(std::move(why));
    };
    CHECK(scan_rows(path, rank, use));
    return rows;
}

using Lines = std::vector<std::int64_t>;

void rows_in_every_number_format() {
    const Rows rows = rows_of(
        "0,client(),0.0104931\n0,put,   0.9675576969210351E-02\r\n 0 , run_model "
        ",1.77359993650175116E-002\n0,main(),1e-5\n");
    CHECK_EQ(rows.good.size(), 4U);
    CHECK(rows.bad.empty());
    CHECK((rows.good == Times{{"client()", 0.0104931},
                              {"put", 0.009675576969210351},
                              {"run_model", 0.0177359993650175116},
                              {"main()", 1e-5}}));
}

void a_header_is_no_row_and_the_first_row_no_header() {
    CHECK(rows_of("rank,function,time\n3,f,1\n", 3).lines == Lines{2});
    CHECK(rows_of("3,f,1\n3,f,2\n", 3).lines == (Lines{1, 2}));
    CHECK(rows_of("3,f,1\nrank,function,time\n", 3).bad == Lines{2});
}

void what_is_no_time_is_told_by_line() {
    const Rows rows = rows_of(
        "0,f,nan\n0,f,inf\n0,f,-1\n0,f,1e10\n0,f,1e-13\n0,f,6.95-310\n0,f,\n0,f\n1,f,2\n0,,2\n0,f,0x1\n\n0,f,0\n0,f,3");
    CHECK(rows.bad == (Lines{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14}));
    CHECK(rows.lines == Lines{13});
    CHECK_EQ(rows.whys[2], "-1 s of 'f' is a time that nobody has measured");
    CHECK_EQ(rows.whys[8], "the row is of rank '1', the file of rank 0");
    CHECK_EQ(rows.whys[11], "'0,f,3' has no end of line: the row may be cut off");
    CHECK(rows_of("0,client(),NaN\n0,f,1\n", 0, "client()").bad.empty());
}

// Blocks of 256 KiB are cut where they like, rows are not.
void rows_go_over_the_ends_of_blocks() {
    std::string text;
    constexpr int kRows = 60'000;
    double sum = 0;
    for (int i = 0; i < kRows; ++i) {
        text += fmt::format("7,function_{},0.{:09}\n", i % 3, i);
        sum += i * 1e-9;
    }
    const Rows rows = rows_of(text, 7);
    CHECK_EQ(rows.good.size(), std::size_t{kRows});
    double found = 0;
    for (const auto& [function, seconds] : rows.good) {
        found += seconds;
    }
    CHECK(std::abs(found - sum) < 1e-6);
    CHECK_EQ(rows.lines.back(), kRows);
    const Rows garbage = rows_of("0,f,1\n" + std::string(600'000, 'x') + "\n0,f,2\n");
    CHECK(garbage.lines == Lines{1});
    CHECK(garbage.bad == Lines{2});
}

void a_time_is_found_again_by_its_place() {
    const Folder folder;
    const std::string path = folder / "rank_0.csv";
    CHECK(write_file(path, "rank,function,time\n0,a,1\n0,b,5\nbroken\n0,a,1\n0,b,6\n0,a,1\n"));
    Execution execution;
    Notes notes;
    RankReader reader(execution, notes);
    CHECK(reader.read(path, 0));
    CHECK_EQ(execution.functions.size(), 2U);
    CHECK_EQ(execution.files[0].rows, 5);
    CHECK_EQ(locate(execution, execution.functions[0], 0).line, 2);
    CHECK_EQ(locate(execution, execution.functions[0], 1).line, 5);
    CHECK_EQ(locate(execution, execution.functions[0], 2).line, 7);
    CHECK_EQ(locate(execution, execution.functions[1], 1).line, 6);
    CHECK_EQ(locate(execution, execution.functions[1], 2).line, 0);  // there is none
    CHECK_EQ(notes.all().size(), 1U);
    CHECK(reader.read(path, 0));  // the rank a second time
    CHECK_EQ(execution.files.size(), 1U);
}

struct Table {
    std::vector<std::vector<std::string>> rows;
    Lines lines, bad;
    Status status = Status::ok();
};

Table table_of(std::string_view text) {
    Table table;
    CsvUse use;
    use.columns = {"b", "a"};
    use.more = {"c"};
    use.row = [&](const std::vector<std::string>& fields, std::int64_t line) {
        table.rows.push_back(fields);
        table.lines.push_back(line);
    };
    use.bad = [&](std::int64_t line, const std::string&) { table.bad.push_back(line); };
    table.status = scan_csv_text(text, "t.csv", use);
    return table;
}

void columns_in_any_order_fields_in_quotes() {
    const Table table = table_of("\xef\xbb\xbfx,a,b\r\n1,2,3\n\"x,y\",\"say \"\"a\"\"\",\"two\nlines\"\n4,5,6\n");
    CHECK(table.status);
    CHECK(table.rows ==
          (std::vector<std::vector<std::string>>{{"3", "2", ""}, {"two\nlines", "say \"a\"", ""}, {"6", "5", ""}}));
    CHECK(table.lines == (Lines{2, 3, 5}));
    CHECK(table_of("c,b,a\n1,2,3\n").rows == (std::vector<std::vector<std::string>>{{"2", "3", "1"}}));
}

void tables_that_are_none() {
    CHECK_FAILS(table_of("").status, "t.csv, line 1: there is no column 'b'; right are b, a");
    CHECK_FAILS(table_of("a,c\n").status, "there is no column 'b'");
    CHECK_FAILS(table_of("a,b,a\n").status, "the column 'a' is there twice");
    CHECK_FAILS(table_of("a,b\n1,2\n\"1,2\n").status, "t.csv, line 3: nothing closes the quote");
    const Table cut = table_of("a,b\n1,2\n1\n1,2,3\n\n1,2");
    CHECK(cut.status);
    CHECK(cut.lines == Lines{2});
    CHECK(cut.bad == (Lines{3, 4, 6}));
    CHECK_FAILS(field_number("1x", 0, 2), "'1x' is no number");
    CHECK_FAILS(field_number("nan", 0, 2), "nan is not between 0 and 2");
    CHECK_FAILS(field_number("", 0, 2), "'' is no number");
}

void sections_keys_and_values() {
    const auto ini = IniFile::parse(
        "# made by hand\n[run]\nname = a = b\nempty =\n[attributes]\nnodes: 4\nlist = [1,\n  2]\n; end\n", "run.cfg");
    if (!CHECK(ini)) {
        return;
    }
    CHECK_EQ(ini->value("run", "name"), "a = b");
    CHECK_EQ(ini->value("run", "empty"), "");
    CHECK_EQ(ini->value("attributes", "list"), "[1,\n2]");
    CHECK_EQ(ini->value("attributes", "name"), "");
    CHECK_EQ(ini->line("attributes", "nodes"), 6);
    CHECK_EQ(ini->members("attributes").size(), 2U);
    CHECK_FAILS(IniFile::parse("a = 1\n", "run.cfg"), "run.cfg, line 1: 'a = 1' is neither [section] nor");
    CHECK_FAILS(IniFile::parse("[s]\na = 1\na = 2\n", "run.cfg"), "run.cfg, line 3: a stands twice in [s]");
    CHECK_FAILS(IniFile::parse("[s]\nword\n", "run.cfg"), "line 2");
}

void a_step_in_saccts_table() {
    const std::string table =
        "# not final\nJobID|State|Elapsed|AllocCPUS|TotalCPU|MaxRSS|TRESUsageInTot\n7|RUNNING|1:00|8|||\n"
        "7.1|COMPLETED|1-00:00:10|8|00:02.250|4096|cpu=00:00:03,energy=12,mem=1\n7.2|COMPLETED|00:01|8|00:00|1|cpu=00:"
        "00:00,energy=0\n";
    const auto usage = usage_of(table, "7.1");
    if (!CHECK(usage.has_value())) {
        return;
    }
    CHECK_EQ(usage->cpu_s, 3.0);
    CHECK_EQ(usage->elapsed_s, 86410.0);
    CHECK_EQ(usage->cpus, 8.0);
    CHECK_EQ(usage->energy_j, 12.0);
    CHECK_EQ(usage->line, 4);
    CHECK(!usage_of(table, "7").has_value());
    CHECK_EQ(usage_of(table, "7.2")->energy_j, 0.0);
}

CU_TestInfo kTests[] = {
    {"rows in every number format", rows_in_every_number_format},
    {"a header is no row and the first row no header", a_header_is_no_row_and_the_first_row_no_header},
    {"what is no time is told by line", what_is_no_time_is_told_by_line},
    {"rows go over the ends of blocks", rows_go_over_the_ends_of_blocks},
    {"a time is found again by its place", a_time_is_found_again_by_its_place},
    {"columns in any order, fields in quotes", columns_in_any_order_fields_in_quotes},
    {"tables that are none", tables_that_are_none},
    {"sections, keys and values", sections_keys_and_values},
    {"a step in sacct's table", a_step_in_saccts_table},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kReportReadSuite = suite("report reading", kTests);

}  // namespace inferstep::test
