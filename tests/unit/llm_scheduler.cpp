// The scheduler alone: what the first stage sends, and in which order.
#include <deque>
#include <map>
#include <optional>
#include <random>

#include "check.hpp"
#include "llm/run/scheduler.hpp"
#include "suites.hpp"
#include "toy_pipeline.hpp"

namespace inferstep::test {
namespace {

using namespace llm;

// Answers with some token, the tenth of a prompt being its last one.
void answer(Scheduler& scheduler, const Work& work, std::map<int, int>& counts) {
    Answer a;
    for (const WorkSpan& each : work.spans) {
        if (!each.span.no_logits) {
            a.tokens.push_back({each.span.slot, 5, ++counts[each.prompt] == 10 ? Finish::kLength : Finish::kNot});
        }
    }
    CHECK(scheduler.accept(a));
}

void schedules_within_limits() {
    std::mt19937 random(3);
    for (int round = 0; round < 60; ++round) {
        const auto upto = [&random](unsigned n) { return 1 + static_cast<int>(random() % n); };
        const SchedulerOptions options{upto(5), upto(4), upto(9), 4, random() % 4 != 0};
        Scheduler scheduler(options, toy_prompts());
        std::deque<Work> flying;
        std::map<int, int> counts;
        std::vector<int> begun;
        for (int step = 0; !scheduler.done() && CHECK(step < 100000); ++step) {
            std::optional<Work> work = random() % 3 != 0 ? scheduler.next() : std::nullopt;
            if (work) {
                CHECK(work->rows() - (options.kv_cache ? work->decode_rows() : 0) <= options.prefill_chunk);
                CHECK(work->rows() > 0 && work->tokens.size() == static_cast<std::size_t>(work->rows()));
                for (const Work& other : flying) {
                    CHECK(other.group != work->group || !other.wants_logits());
                }
                for (const WorkSpan& each : work->spans) {
                    if (each.span.position == 0 && counts[each.prompt] == 0) {
                        begun.push_back(each.prompt);
                    }
                }
                flying.push_back(std::move(*work));
                CHECK(static_cast<int>(flying.size()) <= options.groups);
            } else if (!flying.empty()) {
                answer(scheduler, flying.front(), counts);
                flying.pop_front();
            }
        }
        CHECK_EQ(scheduler.finished(), static_cast<int>(toy_prompts().size()));
        CHECK_EQ(begun.size(), toy_prompts().size());
    }
}

void shares_few_prompts() {
    std::vector<Task> two(2);
    two[0].tokens = two[1].tokens = {1, 2, 3};
    Scheduler scheduler({2, 4, 64, 4, true}, two);
    const std::optional<Work> first = scheduler.next();
    const std::optional<Work> second = scheduler.next();
    if (CHECK(first && second)) {
        CHECK(first->group == 0 && first->spans.size() == 1 && first->spans[0].prompt == 0);
        CHECK(second->group == 1 && second->spans.size() == 1 && second->spans[0].prompt == 1);
    }
    CHECK(!scheduler.next());
    Answer wrong;
    wrong.tokens = {{4, 1, Finish::kNot}};
    CHECK_FAILS(scheduler.accept(wrong), "not for the slots");
}

CU_TestInfo kTests[] = {
    {"limits are kept whatever comes first", schedules_within_limits},
    {"few prompts are shared out to all groups", shares_few_prompts},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kSchedulerSuite = suite("scheduler", kTests);

}  // namespace inferstep::test
