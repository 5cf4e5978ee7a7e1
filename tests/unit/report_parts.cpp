// Breakdown, resources, outliers and files of a report, of collections that were made by hand.
#include <algorithm>
#include <cmath>
#include <regex>

#include "check.hpp"
#include "core/file.hpp"
#include "core/json.hpp"
#include "folder.hpp"
#include "report/bundle.hpp"
#include "report/bundle_parts.hpp"
#include "report/compute.hpp"
#include "report/compute_breakdown.hpp"
#include "report/compute_outliers.hpp"
#include "report/tables.hpp"
#include "report_sample.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using namespace inferstep::report;

bool near(double a, double b) { return std::fabs(a - b) <= 1e-12 * std::fabs(b); }

bool says(const std::vector<Note>& notes, const std::string& words) {
    return std::any_of(notes.begin(), notes.end(),
                       [&](const Note& n) { return n.text.find(words) != std::string::npos; });
}

void operations_have_their_kinds() {
    CHECK(category_of("put_tensor") == Category::kCommunication);
    CHECK(category_of("nccl:all_reduce") == Category::kCommunication);
    CHECK(category_of("All_Reduce") == Category::kCommunication);
    CHECK(category_of("run_model") == Category::kCompute);
    CHECK(category_of("run_script") == Category::kPreprocess);
    CHECK(category_of("read") == Category::kIo);
    CHECK(category_of("barrier") == Category::kBubble);
    CHECK(category_of("main()") == Category::kContainer && category_of("loop") == Category::kContainer);
    CHECK(category_of("solve_poisson") == Category::kNone && category_of("") == Category::kNone);
    const Result<std::string> page = read_file(source_path("man/inferstep-report.1"));
    if (!CHECK(page)) {
        return;
    }
    for (const CategoryNames& row : category_names()) {
        for (const std::string_view name : row.functions) {
            CHECK_IN(std::string(name), category_of(name) == row.category);  // each in one row only
            CHECK_IN(std::string(name), std::regex_search(*page, std::regex("[ ]" + std::string(name) + "[ \\n]")));
        }
    }
}

void the_loop_is_taken_apart() {
    Execution e = execution(1, "ddp", 1);
    add_times(e, "put_tensor", {{1, 1}, {2}});
    add_times(e, "forward", {{3}, {3}});
    add_times(e, "read", {{0.5}, {0.5}});
    add_times(e, "barrier", {{0.25}, {1.75}});
    add_times(e, "solve", {{1}, {1}});
    add_times(e, "client()", {{100}, {100}});
    add_times(e, "loop_time", {{9}, {11}});
    const Figures f = compute(collection_of({e}), {});
    const Breakdown& b = f.rows[0].breakdown;
    CHECK(near(b.communication.value, 4 / 20.0) && near(b.compute.value, 6 / 20.0) && near(b.io.value, 1 / 20.0));
    CHECK(near(b.bubble.value, 2 / 20.0) && b.preprocess.value == 0);
    CHECK(near(b.other.value, 7 / 20.0));  // 2 of solve, 5 between the operations
    CHECK(near(f.rows[0].imbalance.value, 1 - 10 / 11.0));
    CHECK(says(f.notes, "of no known kind, and so in other: solve"));
}

void what_cannot_be_taken_apart_is_said() {
    Execution cut = execution(1, "ddp", 1);
    add_times(cut, "forward", {{3}, {300}});
    add_times(cut, "loop_time", {{4}});
    const Figures f = compute(collection_of({cut}), {});
    CHECK(near(f.rows[0].breakdown.compute.value, 0.75));
    Execution overlapping = execution(1, "ddp", 1);
    add_times(overlapping, "forward", {{3}});
    add_times(overlapping, "all_reduce", {{3}});
    add_times(overlapping, "loop_time", {{4}});
    const Figures g = compute(collection_of({overlapping}), {});
    CHECK(near(g.rows[0].breakdown.compute.value, 0.5) && g.rows[0].breakdown.other.value == 0);
    CHECK(says(g.notes, "overlap"));
    Execution profiled = execution(1, "ddp", 1);
    add_times(profiled, "all_reduce", {{3}});
    profiled.functions[0].profiled = true;
    const Figures h = compute(collection_of({profiled}), {});
    CHECK(std::isnan(h.rows[0].breakdown.communication.value) && std::isnan(h.rows[0].time.value));
    CHECK(says(h.notes, "no operation of the loop was timed") && says(h.notes, "self times of a profiler"));
    CHECK(tables(h, collection_of({profiled})).find("Self times of a profiler") != std::string::npos);
}

void databases_have_their_share() {
    Execution e = execution(1, "ddp", 1);
    Accounting& a = e.accounting;
    a.cpu_s = 40;
    a.allocated_cpu_s = 80;
    a.database_cpu_s = 10;
    a.queue_s = 1;
    a.input_s = 2;
    a.inference_s = 16;
    a.output_s = 1;
    const Figures counted = compute(collection_of({e}), {});
    CHECK(near(counted.rows[0].database_share.value, 0.25) && near(counted.rows[0].utilization.value, 0.5));
    CHECK(near(counted.rows[0].database.inference.value, 0.8) && near(counted.rows[0].database.queue.value, 0.05));
    a.databases_counted = false;
    const Figures apart = compute(collection_of({e}), {});
    CHECK(near(apart.rows[0].database_share.value, 0.2));
    CHECK(says(apart.notes, "Slurm did not count the databases in the step"));
    a.cpu_s = kUnknown;
    a.why = "sacct is off";
    const Figures off = compute(collection_of({e}), {});
    CHECK(std::isnan(off.rows[0].database_share.value) && std::isnan(off.rows[0].utilization.value));
    CHECK(says(off.notes, "no accounting of 1 of 1 executions: sacct is off"));
}

void outliers_follow_median_and_mad() {
    const Peers peers = peers_of({1, 2, 3, 4, 100});
    CHECK(peers.median == 3 && peers.mad == 1);
    CHECK(is_outlier(100, peers, 0.1) && !is_outlier(8, peers, 0.1));
    CHECK(!is_outlier(1.05, peers_of({1, 1, 1, 1.05}), 0.1));  // not by a tenth
    CHECK(is_outlier(1.2, peers_of({1, 1, 1, 1.2}), 0.1));
    // Six ranks on three nodes: rank 2 alone, then both ranks of its node.
    const auto found = [](double rank2, double rank3) {
        Execution e = execution(3, "ddp", 1);
        add_times(e, "run_model", {{1}, {1.01}, {rank2}, {rank3}, {0.99}, {1}, {1}, {1}});
        for (std::size_t i = 0; i < e.files.size(); ++i) {
            e.files[i].node = "n" + std::to_string(i / 2);
        }
        return compute(collection_of({e}), {}).outliers;
    };
    CHECK(found(1, 1).empty());
    const auto rank = found(5, 1);
    CHECK(rank.size() == 1 &&
          rank[0].text.find("rank 2 on node n1: run_model takes 5.000 s, 5.000 times") != std::string::npos);
    CHECK(rank.size() == 1 && rank[0].source.file == "rank_2.csv");
    const auto node = found(5, 6);
    CHECK(node.size() == 1 &&
          node[0].text.find("all ranks of node n1 differ: run_model takes 5.500 s") != std::string::npos);
}

void repeats_that_differ_are_outliers_and_unstable() {
    std::vector<Execution> all;
    for (const double t : {1.0, 1.01, 0.99, 2.0}) {
        Execution e = execution(1, "ddp", static_cast<int>(all.size()) + 1);
        add_times(e, "loop_time", {{t}});
        e.work = 100;
        all.push_back(std::move(e));
    }
    const Figures f = compute(collection_of(all), {});
    CHECK_EQ(f.outliers.size(), 2U);
    CHECK(f.outliers[0].execution == 3 &&
          f.outliers[0].text.find("loop_time is 2.000 s, 1.990 times") != std::string::npos);
    CHECK(f.outliers[1].text.find("the rate is not stable: its 4 repeats lie between 50.00 and 101.0 units/s") !=
          std::string::npos);
}

void what_is_no_resource_has_no_efficiency() {
    std::vector<Execution> all;
    for (const char* batch : {"1", "8"}) {
        Execution e = execution(1, "ddp", 1);
        e.parameters = {{"batch", batch}};
        add_times(e, "loop_time", {{*batch == '1' ? 4.0 : 2.0}});
        all.push_back(std::move(e));
    }
    const Figures f = compute(collection_of(all), {});
    CHECK(f.x_name == "batch" && near(f.rows[1].speedup_common.value, 2));
    CHECK(std::isnan(f.rows[1].strong_common.value) && std::isnan(f.rows[1].weak_common.value));
    CHECK(f.scaling_rule.find("batch is no resource") != std::string::npos);
}

void files_are_whole_and_quoted() {
    Execution e = execution(1, "a,\"b\"", 1);
    e.why = "two\nlines";
    add_times(e, "loop_time", {{0.1, 0.3}});
    const Collection c = collection_of({e});
    const Figures f = compute(c, {});
    CHECK(executions_csv(f, c).find(",\"a,\"\"b\"\"\",") != std::string::npos);
    CHECK(executions_csv(f, c).find(",\"two\nlines\",") != std::string::npos);
    const Result<Json> json = Json::parse(report_json_text(f, c, {false, {"inferstep", "report"}}), "report.json");
    if (!CHECK(json)) {
        return;
    }
    CHECK_EQ(json->text("schema"), "inferstep-report/1");
    const Json time = json->copy_of("rows").items()[0].copy_of("time_s");
    CHECK(near(time.number("value"), 0.2) && std::isnan(time.number("low", kUnknown)));
    CHECK_EQ(json->copy_of("executions").items()[0].copy_of("files").items()[0].text("path"), "rank_0.csv");
    Folder folder;
    CHECK(write_bundle(folder / "out", f, c, {true, {}}));
    const Result<std::string> samples = read_file(folder / "out/samples.csv");
    CHECK(samples && std::count(samples->begin(), samples->end(), '\n') == 3);
    CHECK_FAILS(write_bundle("/proc/none/out", f, c, {}), "/proc/none");
}

CU_TestInfo kTests[] = {
    {"operations have their kinds", operations_have_their_kinds},
    {"the loop is taken apart", the_loop_is_taken_apart},
    {"what cannot be taken apart is said", what_cannot_be_taken_apart_is_said},
    {"databases have their share", databases_have_their_share},
    {"outliers follow median and MAD", outliers_follow_median_and_mad},
    {"repeats that differ are outliers, and unstable", repeats_that_differ_are_outliers_and_unstable},
    {"what is no resource has no efficiency", what_is_no_resource_has_no_efficiency},
    {"files are whole and quoted", files_are_whole_and_quoted},
    CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kReportPartsSuite = suite("report_parts", kTests);

}  // namespace inferstep::test
