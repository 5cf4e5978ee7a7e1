// The parts of `inferstep client` that need no database: inputs, comparison, records, meeting, report.
#include <cmath>
#include <thread>

#include "bench/client_inputs.hpp"
#include "bench/client_meeting.hpp"
#include "bench/client_record.hpp"
#include "bench/client_reference.hpp"
#include "bench/client_report.hpp"
#include "check.hpp"
#include "core/clock.hpp"
#include "folder.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

StepIdentity rank_of(int rank, int ranks, int node = 0) {
    StepIdentity id;
    id.job = "7";
    id.step = "0";
    id.rank = id.local_rank = rank;
    id.ranks = id.local_ranks = ranks;
    id.node_index = node;
    id.node = fmt::format("n{}", node);
    return id;
}

void inputs_are_many_different_and_the_same_again() {
    ClientOptions options;
    const auto first = make_inputs(options, {3, 8, 8}, 0, 2);
    const auto again = make_inputs(options, {3, 8, 8}, 0, 2);
    const auto other = make_inputs(options, {3, 8, 8}, 1, 2);
    if (!CHECK(first) || !CHECK(again) || !CHECK(other)) {
        return;
    }
    CHECK(first->shape == std::vector<std::int64_t>({1, 3, 8, 8}));
    CHECK_EQ(first->count, 8);
    CHECK(first->data == again->data);
    CHECK(first->data != other->data);
    for (int i = 1; i < first->count; ++i) {
        CHECK(!std::equal(first->batch(0), first->batch(0) + first->elements, first->batch(i)));
    }
    double sum = 0;
    for (const float v : first->data) {
        sum += v;
        if (!(v >= -1 && v < 1)) {
            CHECK_IN("within -1 and 1", false);
            return;
        }
    }
    CHECK(std::abs(sum / static_cast<double>(first->data.size())) < 0.1);
}

void inputs_stay_within_their_memory() {
    ClientOptions options;
    options.batch_size = 96;
    const auto large = make_inputs(options, {3, 224, 224}, 0, 1);
    CHECK(large && large->count == 2);
    options.iterations = 1;
    const auto single = make_inputs(options, {3, 224, 224}, 0, 1);
    CHECK(single && single->count == 1);
    options.batch_size = 65'536;
    CHECK_FAILS(make_inputs(options, {3, 224, 224}, 0, 1), "too large");
}

void differences_are_counted_by_sample() {
    Reference reference;
    reference.elements = 6;
    reference.scale = 2;
    reference.data = {0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6};
    double worst = 0;
    std::vector<float> output{1, 2, 3, 4, 5, 6};
    CHECK_EQ(count_wrong(reference, 1, output.data(), 3, 1e-3, worst), 0);
    CHECK_EQ(worst, 0.0);
    output = {1, 2.001F, 3, 4, 5, 6.1F};
    CHECK_EQ(count_wrong(reference, 1, output.data(), 3, 1e-3, worst), 1);
    CHECK(std::abs(worst - 0.05) < 1e-6);
    output = {1, 2, NAN, 4, 5, 6};
    CHECK_EQ(count_wrong(reference, 1, output.data(), 3, 1e6, worst), 1);
    CHECK_EQ(count_wrong(reference, 0, output.data(), 3, 1e-3, worst), 3);
}

void a_summary_survives_its_file() {
    RankSummary s;
    s.id = rank_of(3, 8, 2);
    s.endpoint = "unix:///x";
    s.instance = "1";
    s.iterations = 5;
    s.batch_size = 4;
    s.compared = 20;
    s.wrong = 2;
    s.worst = 0.25;
    s.error = "it said \"no\"";
    s.begin = 1795258127.123456;
    s.end = s.begin + 2;
    const auto json = Json::parse(rank_json(s, {{"loop", {1, 2, 3}}}).dump(false), "");
    if (!CHECK(json)) {
        return;
    }
    const auto back = parse_rank(*json);
    CHECK(back && back->id.rank == 3 && back->id.node == "n2" && back->iterations == 5 && back->wrong == 2 &&
          back->error == s.error && std::abs(back->end - back->begin - 2) < 1e-5);
    CHECK_EQ(json->copy_of("functions").copy_of("loop").number("p50"), 2.0);
    CHECK_FAILS(parse_rank(Json::object()), "no summary");
}

// The records of one rank that did `times` and ran from `begin` to `end`.
void leave_record(const std::string& outdir, const StepIdentity& id, const std::vector<double>& times, double begin,
                  double end, const std::string& error = {}) {
    auto record = RankRecord::create(outdir, id);
    if (!CHECK(record)) {
        return;
    }
    for (const double t : times) {
        record->row("loop", t);
        record->flush();
    }
    RankSummary s;
    s.id = id;
    s.iterations = static_cast<int>(times.size());
    s.compared = s.iterations;
    s.begin = begin;
    s.end = end;
    s.error = error;
    CHECK(record->finish(rank_json(s, {{"loop", times}})));
}

void a_report_joins_the_ranks() {
    const Folder folder;
    leave_record(folder.path(), rank_of(0, 3, 0), {0.1, 0.2}, 100, 102);
    leave_record(folder.path(), rank_of(1, 3, 0), {0.3, 0.4}, 101, 104);
    leave_record(folder.path(), rank_of(2, 3, 1), {0.5, 0.6}, 500, 501);
    const auto report = collect_report(folder.path() + "/7.0", 3, 5);
    if (!CHECK(report)) {
        return;
    }
    CHECK(report->good());
    CHECK_EQ(report->samples.size(), 1U);
    CHECK_EQ(report->samples[0].function, "loop");
    CHECK_EQ(report->samples[0].times.size(), 6U);
    const std::vector<NodeRate> rates = node_rates(*report);
    if (CHECK_EQ(rates.size(), 2U)) {
        CHECK_EQ(rates[0].per_second, 1.0);  // four inferences in the four seconds that either rank was in its loop
        CHECK_EQ(rates[1].per_second, 2.0);
    }
    const ClientOptions options;
    const Json json = report_json(*report, options, folder.path());
    CHECK_EQ(json.number("inferences_per_second"), 3.0);
    CHECK(std::abs(json.copy_of("functions").copy_of("loop").number("p50") - 0.35) < 1e-9);
    CHECK(report_text(*report, options, folder.path()).find("3 clients on 2 nodes") != std::string::npos);
}

void a_rank_without_summary_is_missed_but_not_for_ever() {
    const Folder folder;
    leave_record(folder.path(), rank_of(0, 2), {0.1}, 100, 101);
    const auto silent = RankRecord::create(folder.path(), rank_of(1, 2));
    const std::int64_t start = now_ns();
    const auto report = collect_report(folder.path() + "/7.0", 2, 0.3);
    CHECK(report && report->missing == 1 && !report->good() && report->ranks.size() == 1);
    CHECK(seconds_since(start) >= 0.3);
}

void a_slow_rank_is_waited_for_while_it_works() {
    const Folder folder;
    leave_record(folder.path(), rank_of(0, 2), {0.1}, 100, 101);
    std::thread slow([&] {
        auto record = RankRecord::create(folder.path(), rank_of(1, 2));
        for (int i = 0; record && i < 10; ++i) {
            usleep(100'000);
            record->row("loop", 0.1);
            record->flush();
        }
        RankSummary s;
        s.id = rank_of(1, 2);
        if (record) {
            (void)record->finish(rank_json(s, {}));
        }
    });
    const auto report = collect_report(folder.path() + "/7.0", 2, 0.8);
    slow.join();
    CHECK(report && report->missing == 0);
}

void an_error_or_a_wrong_answer_is_not_good() {
    const Folder folder;
    leave_record(folder.path(), rank_of(0, 1), {}, 0, 0, "it broke");
    const auto report = collect_report(folder.path() + "/7.0", 1, 1);
    CHECK(report && !report->good() && report->ranks[0].error == "it broke");
    ClientReport wrong;
    wrong.ranks.resize(1);
    CHECK(wrong.good());
    wrong.ranks[0].wrong = 1;
    CHECK(!wrong.good());
}

void records_are_never_overwritten() {
    const Folder folder;
    CHECK(RankRecord::create(folder.path(), rank_of(0, 1)));
    CHECK_FAILS(RankRecord::create(folder.path(), rank_of(0, 1)), "rank_0.log exists already");
    StepIdentity requeued = rank_of(0, 1);
    requeued.restart = 1;
    const auto again = RankRecord::create(folder.path(), requeued);
    CHECK(again && again->directory() == folder.path() + "/7.0.r1");
}

void the_ranks_of_a_node_meet() {
    const Folder folder;
    NodeMeeting first(folder.path(), rank_of(0, 2), "x");
    CHECK(!first.wait(0.1));
    std::thread late([&] {
        usleep(100'000);
        NodeMeeting second(folder.path(), rank_of(1, 2), "x");  // arrives by being destroyed, too
    });
    CHECK(first.wait(5));
    late.join();
    CHECK(NodeMeeting("", rank_of(0, 2), "x").wait(0));
}

CU_TestInfo kTests[] = {
    {"inputs are different, and the same again", inputs_are_many_different_and_the_same_again},
    {"inputs stay within their memory", inputs_stay_within_their_memory},
    {"differences are counted by sample", differences_are_counted_by_sample},
    {"a summary survives its file", a_summary_survives_its_file},
    {"a report joins the ranks", a_report_joins_the_ranks},
    {"a rank without summary is missed, but not for ever", a_rank_without_summary_is_missed_but_not_for_ever},
    {"a slow rank is waited for while it works", a_slow_rank_is_waited_for_while_it_works},
    {"an error or a wrong answer is not good", an_error_or_a_wrong_answer_is_not_good},
    {"records are never overwritten", records_are_never_overwritten},
    {"the ranks of a node meet", the_ranks_of_a_node_meet},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kClientBenchSuite = suite("client loop", kTests);

}  // namespace inferstep::test
