// The journal of a run: what it keeps, also when it is cut off anywhere; what the lines of Slurm's programs say.
#include <fcntl.h>
#include <unistd.h>

#include "check.hpp"
#include "core/file.hpp"
#include "core/file_lock.hpp"
#include "core/progress.hpp"
#include "folder.hpp"
#include "suites.hpp"
#include "sweep/eta.hpp"
#include "sweep/jobs.hpp"
#include "sweep/journal.hpp"

namespace inferstep::test {
namespace {

using sweep::Journal;
using sweep::JournalEvent;
using sweep::JournalText;
using Stage = sweep::PointState::Stage;

void write_three(const std::string& path) {
    Result<Journal> journal = Journal::create(path);
    if (!CHECK(journal)) {
        return;
    }
    CHECK(journal->add({.event = "start", .pid = 12, .host = "n1", .where = "local"}, true));
    CHECK(journal->add({.event = "begin", .point = "p0001", .attempt = 2, .nodes = "n1,n2"}, false));
    JournalEvent end{.event = "end", .point = "p0001", .attempt = 2, .state = "failed"};
    end.exit_code = 3;
    end.seconds = 1.25;
    end.why = "it said \"no\"\nand more";
    CHECK(journal->add(end, true));
}

void lines_come_back() {
    const Folder folder;
    const std::string path = folder / "journal";
    write_three(path);
    const Result<JournalText> text = sweep::read_journal(path);
    if (!CHECK(text) || !CHECK_EQ(text->events.size(), 3U)) {
        return;
    }
    CHECK_EQ(text->torn, "");
    CHECK_EQ(sweep::describe_driver(*sweep::last_driver(text->events)), "process 12 on n1");
    const sweep::PointState state = sweep::states_of(text->events).at("p0001");
    CHECK(state.stage == Stage::kEnded);
    CHECK_EQ(state.attempt, 2);
    CHECK_EQ(state.nodes, "n1,n2");
    CHECK_EQ(state.last.why, "it said \"no\"\nand more");
    CHECK_EQ(state.last.exit_code, 3);
    CHECK_EQ(state.last.seconds, 1.25);
}

// Wherever a crash cuts it, what was whole is kept, and the next line stands on its own.
void any_cut_is_survived() {
    const Folder folder;
    const std::string path = folder / "journal";
    write_three(path);
    const std::string whole = *read_file(path);
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        CHECK(write_file(path, whole.substr(0, size)));
        const bool clean = size == 0 || whole[size - 1] == '\n';
        const std::string context = fmt::format("{} bytes", size);
        const Result<JournalText> before = sweep::read_journal(path);
        if (!CHECK_IN(context, before)) {
            return;
        }
        CHECK_IN(context, before->torn.empty() == clean);
        Result<Journal> journal = Journal::take(path);
        CHECK_IN(context, journal && journal->add({.event = "resume", .pid = 1}, false));
        const Result<JournalText> after = sweep::read_journal(path);
        CHECK_IN(context, after && after->torn.empty() && after->events.size() == before->events.size() + 1);
    }
}

void foreign_lines_are_refused() {
    const Folder folder;
    const std::string path = folder / "journal";
    CHECK(write_file(path, "{\"event\":\"start\"}\nnonsense\n"));
    CHECK_FAILS(sweep::read_journal(path), "line 2");
    CHECK(write_file(path, "[1]\n"));
    CHECK_FAILS(sweep::read_journal(path), "line 1");
    CHECK_FAILS(sweep::read_journal(folder / "none"), "none");
}

// The lock is the open file's, so one process shows it as well as two.
void one_driver_at_a_time() {
    const Folder folder;
    const std::string path = folder / "journal";
    CHECK(!is_locked(path));
    {
        Result<Journal> first = Journal::create(path);
        CHECK(first && first->add({.event = "start", .pid = 77, .host = "n5"}, false));
        CHECK(is_locked(path));
        CHECK_FAILS(Journal::take(path), "process 77 on n5");
        CHECK_FAILS(Journal::create(path), "exists");
    }
    CHECK(!is_locked(path));
    CHECK(Journal::take(path));
}

void points_are_left_again_after_an_interrupt() {
    std::vector<JournalEvent> events = {{.event = "begin", .point = "p1", .attempt = 1},
                                        {.event = "submit", .point = "p1", .attempt = 1, .job = "5"},
                                        {.event = "begin", .point = "p2", .attempt = 1, .job = "9"}};
    CHECK(sweep::states_of(events).at("p1").stage == Stage::kBegun);
    CHECK_EQ(sweep::states_of(events).at("p1").job, "5");
    events.push_back({.event = "interrupt", .point = "p1", .attempt = 1});
    CHECK(sweep::states_of(events).at("p1").stage == Stage::kLeft);
    CHECK(sweep::states_of(events).at("p2").stage == Stage::kBegun);
    CHECK_EQ(sweep::states_of(events).count("p3"), 0U);
}

void queues_are_read() {
    const auto jobs = sweep::parse_jobs(
        "12|RUNNING|2026-11-21T20:00:00|n[1-2]|None|/a/p0001/run.sh\n13|PENDING|N/A||PartitionNodeLimit|/a|b/run.sh\n\n"
        "squeue: note\n14|x\n");
    if (!CHECK_EQ(jobs.size(), 2U)) {
        return;
    }
    CHECK_EQ(jobs.at("12").script, "/a/p0001/run.sh");
    CHECK_EQ(jobs.at("12").nodes, "n[1-2]");
    CHECK(jobs.at("12").begin > 1e9);
    CHECK_EQ(jobs.at("13").script, "/a|b/run.sh");
    CHECK_EQ(jobs.at("13").begin, 0.0);
    CHECK(sweep::is_in_vain(jobs.at("13").reason) && !sweep::is_in_vain(jobs.at("12").reason));
    const auto ended = sweep::parse_jobs("7|CANCELLED by 1000|2026-11-21T20:00:00|None assigned\n");
    CHECK_EQ(ended.at("7").nodes, "");
    CHECK(sweep::is_over(ended.at("7").state));
    CHECK_EQ(sweep::point_state(ended.at("7").state), "cancelled");
    CHECK_EQ(sweep::point_state("TIMEOUT"), "timeout");
    CHECK_EQ(sweep::point_state("OUT_OF_MEMORY"), "failed");
    CHECK(sweep::is_blameless("NODE_FAIL") && !sweep::is_blameless("FAILED"));
    CHECK(!sweep::is_over("COMPLETING") && sweep::is_running("COMPLETING") && !sweep::is_over("REQUEUED"));
}

sweep::Point point_of(const std::string& value, int nodes) {
    sweep::Point point;
    point.parameters = {{"n", value}};
    point.step.nodes = nodes;
    return point;
}

void the_rest_is_estimated_by_the_most_alike() {
    sweep::Estimate estimate;
    sweep::Point stranger = point_of("9", 7);
    CHECK(!estimate.of(stranger));
    stranger.estimate_s = 50;
    CHECK_EQ(*estimate.of(stranger), 50.0);
    estimate.learn(point_of("1", 1), 10);
    estimate.learn(point_of("1", 1), 20);
    estimate.learn(point_of("2", 2), 30);
    CHECK_EQ(*estimate.of(point_of("1", 1)), 15.0);
    CHECK_EQ(*estimate.of(point_of("3", 2)), 30.0);
    CHECK_EQ(*estimate.of(stranger), 20.0);
    sweep::TimeLeft left(estimate);
    left.runs(point_of("1", 1), 5);
    left.runs(point_of("2", 2), 40);  // longer than it should: it ends any moment
    left.waits(point_of("3", 2));
    CHECK_EQ(*left.seconds(), 20.0);
}

void bars_fit_the_terminal() {
    const BarState state{12, 40, 2, 1, 125.0};
    for (int width = 1; width < 200; ++width) {
        CHECK_IN(fmt::format("{} columns", width), static_cast<int>(bar_line(state, width).size()) < width);
    }
    CHECK(bar_line(state, 100).find("12/40  2 running  1 failed  2 min 05 s left") != std::string::npos);
    CHECK_EQ(bar_line({0, 0, 0, 0, {}}, 20).substr(0, 1), "[");
    CHECK_EQ(duration_text(0.123), "0.12 s");
    CHECK_EQ(duration_text(59.94), "59.9 s");
    CHECK_EQ(duration_text(60), "1 min 00 s");
    CHECK_EQ(duration_text(7320), "2 h 02 min");
    CHECK_EQ(duration_text(273'600), "3 d 04 h");
}

CU_TestInfo kTests[] = {{"lines come back", lines_come_back},
                        {"any cut is survived", any_cut_is_survived},
                        {"foreign lines are refused", foreign_lines_are_refused},
                        {"one driver at a time", one_driver_at_a_time},
                        {"points are left again after an interrupt", points_are_left_again_after_an_interrupt},
                        {"queues are read", queues_are_read},
                        {"the rest is estimated by the most alike", the_rest_is_estimated_by_the_most_alike},
                        {"bars fit the terminal", bars_fit_the_terminal},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kJournalSuite = suite("journal", kTests);

}  // namespace inferstep::test
