// The pipeline's engine and scheduler, with a toy in the place of a model and threads in the place of ranks.
#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <thread>

#include "check.hpp"
#include "llm/run/engine.hpp"
#include "suites.hpp"
#include "toy_pipeline.hpp"

namespace inferstep::test {
namespace {

using namespace llm;

constexpr int kLayers = 8;
constexpr int kContext = 40;

struct Setup {
    int stages = 1, groups = 1, batch_size = 1, chunk = 64;
    bool kv_cache = true;
    bool scoring = false;
    double temperature = 0;
    int stop_after = -1;   // prompts
    int break_after = -1;  // prompts: then the last stage's link breaks
};

struct Outcome {
    std::map<int, Completion> completions;
    std::vector<double> scores;
    std::vector<Status> ends;
    std::vector<Meters> meters;
    std::int64_t tokens = 0;
    bool stopped = false;
};

std::vector<int> known_tokens(std::size_t prompt) {
    std::vector<int> known(1 + prompt % 5);
    for (std::size_t i = 0; i < known.size(); ++i) {
        known[i] = static_cast<int>((prompt * 13 + i * 5) % kToyVocab);
    }
    return known;
}

class Pipeline {
   public:
    explicit Pipeline(const Setup& setup) : setup_(setup), links_(static_cast<std::size_t>(setup.stages)) {
        limits_.groups = setup.groups;
        limits_.batch_size = setup.batch_size;
        limits_.context = kContext;
        limits_.prompts = static_cast<int>(toy_prompts().size());
        limits_.rows = setup.chunk + setup.batch_size;
        limits_.logit_rows = std::max(setup.batch_size, 3);
        outcome_.ends.assign(links_.size(), Status::ok());
        outcome_.meters.resize(links_.size());
    }

    Outcome run() {
        std::vector<std::thread> threads;
        for (int stage = 0; stage < setup_.stages; ++stage) {
            threads.emplace_back([this, stage] { outcome_.ends[static_cast<std::size_t>(stage)] = run_stage(stage); });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        return std::move(outcome_);
    }

   private:
    Status run_stage(int index) {
        const bool last = index + 1 == setup_.stages;
        const LayerRange range{index * kLayers / setup_.stages, (index + 1) * kLayers / setup_.stages, index == 0,
                               last};
        ToyStage stage(range, limits_.slots(), kContext);
        Tail tail(tail_options(), tail_prompts(), [this](int, const Completion& c) { return complete(c); });
        Edges edges;
        comm::Link* in = &links_[static_cast<std::size_t>(index == 0 ? setup_.stages - 1 : index - 1)];
        comm::Link* out = &links_[static_cast<std::size_t>(index)];
        (index == 0 ? edges.answers_in : edges.work_in) = setup_.stages > 1 ? in : nullptr;
        (last ? edges.answers_out : edges.work_out) = setup_.stages > 1 ? out : nullptr;
        edges.rows_in = edges.work_in;
        edges.rows_out = edges.work_out;
        Meters& meters = outcome_.meters[static_cast<std::size_t>(index)];
        Engine engine(stage, edges, limits_, kToyHidden, last ? &tail : nullptr, meters, stop_);
        const Status s = index == 0 ? lead(engine) : engine.follow();
        if (last) {
            outcome_.scores = tail.scores();
        }
        return s;
    }

    Status lead(Engine& engine) {
        SchedulerOptions options{setup_.groups, setup_.batch_size, setup_.chunk, limits_.logit_rows, setup_.kv_cache};
        std::vector<Task> tasks = toy_prompts();
        TokenTimes times(tasks.size(), nullptr);
        Scheduler scheduler(options, tasks);
        Status s = engine.generate(scheduler, times, [](int, int) {});
        outcome_.tokens = times.tokens();
        outcome_.stopped = engine.stopped();
        if (s && setup_.scoring) {
            for (std::size_t i = 0; i < tasks.size(); ++i) {
                tasks[i].scored_from = static_cast<int>(tasks[i].tokens.size()) - 1;
                const std::vector<int> known = known_tokens(i);
                tasks[i].tokens.insert(tasks[i].tokens.end(), known.begin(), known.end() - 1);
            }
            Scheduler scores(options, tasks);
            s = engine.score(scores);
        }
        return s ? engine.end() : s;
    }

    TailOptions tail_options() const {
        TailOptions options;
        options.shape.vocab = kToyVocab;
        options.shape.context = kContext;
        options.shape.eos = {2, 3};
        options.max_new_tokens = 30;
        options.sampling.temperature = setup_.temperature;
        return options;
    }

    static std::vector<TailPrompt> tail_prompts() {
        std::vector<TailPrompt> list;
        for (const Task& task : toy_prompts()) {
            list.push_back(
                {static_cast<int>(list.size()), static_cast<int>(task.tokens.size()), known_tokens(list.size())});
        }
        return list;
    }

    Status complete(const Completion& c) {
        outcome_.completions[c.prompt_index] = c;
        const int count = static_cast<int>(outcome_.completions.size());
        if (count == setup_.stop_after) {
            stop_ = true;
        }
        if (count == setup_.break_after) {
            for (ThreadLink& link : links_) {
                link.break_off();
            }
        }
        return Status::ok();
    }

    Setup setup_;
    WorkLimits limits_;
    std::deque<ThreadLink> links_;  // stage i to i + 1, the last one to 0
    std::atomic<bool> stop_ = false;
    Outcome outcome_;
};

std::string name_of(const Setup& s) {
    return fmt::format("{} stages, {} groups of {}, chunks of {}{}", s.stages, s.groups, s.batch_size, s.chunk,
                       s.kv_cache ? "" : ", no cache");
}

void same_for_all() {
    for (const double temperature : {0.0, 0.9}) {
        Setup one{.temperature = temperature};
        const Outcome reference = Pipeline(one).run();
        CHECK_EQ(reference.completions.size(), toy_prompts().size());
        for (const Setup& shape :
             {Setup{2, 2, 1, 64}, Setup{2, 1, 3, 5}, Setup{4, 4, 2, 1}, Setup{4, 2, 5, 7}, Setup{3, 7, 1, 2},
              Setup{1, 3, 4, 3}, Setup{2, 3, 2, 5, false}, Setup{1, 1, 1, 4, false}, Setup{8, 8, 1, 64}}) {
            Setup setup = shape;
            setup.temperature = temperature;
            const Outcome outcome = Pipeline(setup).run();
            for (const Status& end : outcome.ends) {
                CHECK_IN(name_of(setup), end);
            }
            for (const auto& [prompt, completion] : reference.completions) {
                const auto found = outcome.completions.find(prompt);
                if (CHECK_IN(name_of(setup), found != outcome.completions.end())) {
                    CHECK_IN(name_of(setup), found->second.tokens == completion.tokens);
                    CHECK_IN(name_of(setup), found->second.finish == completion.finish);
                    CHECK_IN(name_of(setup), found->second.log_probability == completion.log_probability);
                }
            }
            CHECK_EQ(outcome.tokens, reference.tokens);
        }
    }
}

void every_finish() {
    std::map<std::string, int> finishes;
    const Outcome outcome = Pipeline(Setup{2, 2, 2, 4}).run();
    for (const auto& [prompt, completion] : outcome.completions) {
        ++finishes[completion.finish];
        const std::size_t length =
            toy_prompts()[static_cast<std::size_t>(prompt)].tokens.size() + completion.tokens.size();
        CHECK(length <= kContext);
        CHECK(completion.tokens.size() <= 30);
        CHECK_EQ(completion.finish == "eos", completion.tokens.back() == 2 || completion.tokens.back() == 3);
        CHECK_EQ(completion.finish == "context",
                 length == kContext && completion.tokens.size() < 30 && completion.finish != "eos");
        CHECK(completion.ttft_s >= 0 && completion.latency_s >= completion.ttft_s);
    }
    CHECK(finishes["eos"] > 0);
    CHECK(finishes["eos"] < static_cast<int>(outcome.completions.size()));
}

void scores_alike() {
    const Outcome reference = Pipeline(Setup{.scoring = true}).run();
    CHECK_EQ(reference.scores.size(), toy_prompts().size());
    for (const double score : reference.scores) {
        CHECK(score < 0);
    }
    for (Setup setup : {Setup{2, 2, 2, 5}, Setup{4, 4, 1, 1}, Setup{1, 2, 3, 64}, Setup{3, 3, 4, 2}}) {
        setup.scoring = true;
        CHECK_IN(name_of(setup), Pipeline(setup).run().scores == reference.scores);
    }
}

void meters_add_up() {
    const Outcome outcome = Pipeline(Setup{3, 3, 2, 5}).run();
    std::int64_t rows = 0;
    for (const Task& task : toy_prompts()) {
        rows += static_cast<std::int64_t>(task.tokens.size());
    }
    for (const Meters& m : outcome.meters) {
        CHECK_EQ(m.prefill_rows, rows);
        CHECK_EQ(m.decode_rows, outcome.tokens - static_cast<std::int64_t>(outcome.completions.size()));
        CHECK(m.prefill_s + m.decode_s + m.send_s + m.receive_wait_s <= m.run_s);
        CHECK(m.bubble_s <= m.receive_wait_s);
        CHECK(m.decode_batches <= m.batches);
    }
    CHECK(outcome.meters[0].bytes_sent > outcome.meters[2].bytes_sent);
}

void stops_in_order() {
    for (const Setup& shape : {Setup{1, 1, 1, 64}, Setup{3, 3, 1, 5}, Setup{2, 2, 3, 64}}) {
        Setup setup = shape;
        setup.stop_after = 2;
        const Outcome outcome = Pipeline(setup).run();
        const Outcome whole = Pipeline(Setup{}).run();
        for (const Status& end : outcome.ends) {
            CHECK_IN(name_of(setup), end);
        }
        CHECK_IN(name_of(setup), outcome.stopped);
        CHECK_IN(name_of(setup), outcome.completions.size() >= 2 && outcome.completions.size() < toy_prompts().size());
        for (const auto& [prompt, completion] : outcome.completions) {
            CHECK_IN(name_of(setup), completion.tokens == whole.completions.at(prompt).tokens);
        }
    }
}

void breaks_everywhere() {
    Setup setup{3, 3, 1, 5};
    setup.break_after = 3;
    const Outcome outcome = Pipeline(setup).run();
    for (const Status& end : outcome.ends) {
        CHECK_FAILS(end, "rank 1 on node n1 died");
    }
    CHECK(outcome.completions.size() >= 3);
}

void refuses_nonsense() {
    const WorkLimits limits{.prompts = 3, .groups = 2, .batch_size = 2, .context = 16, .rows = 8, .logit_rows = 2};
    Work good;
    good.number = 4;
    good.group = 1;
    good.spans = {{{2, 3, 4, false, true}, 1, false}, {{3, 15, 1}, 2, true}};
    std::vector<std::byte> bytes;
    encode(good, bytes, limits);
    const Result<Work> read = decode_work(bytes, limits, 4);
    if (CHECK(read)) {
        CHECK(read->rows() == 5 && read->decode_rows() == 1 && read->spans[0].span.no_logits);
    }
    CHECK_FAILS(decode_work(bytes, limits, 5), "message 4 came where number 5 was due");
    const auto wrong = [&](auto change, const char* words) {
        Work work = good;
        change(work);
        encode(work, bytes, limits);
        CHECK_FAILS(decode_work(bytes, limits, 4), words);
    };
    wrong([](Work& w) { w.group = 2; }, "which there are not");
    wrong([](Work& w) { w.spans[0].span.slot = 1; }, "slot 1 is none of group 1");
    wrong([](Work& w) { w.spans[0].span.slot = 4; }, "slot 4 is none of group 1");
    wrong([](Work& w) { w.spans[1].span.rows = 2; }, "not within a context of 16");
    wrong([](Work& w) { w.spans[0].span.position = -1; }, "not within a context of 16");
    wrong([](Work& w) { w.spans[0].span.rows = 0x7fffffff; }, "not within a context of 16");
    wrong([](Work& w) { w.spans[0].prompt = 3; }, "prompt 3 is not one of 3");
    wrong([](Work& w) { w.spans[0].span.rows = 8; }, "9 rows");
    wrong([](Work& w) { w.spans[0].span = {2, 3, 3, true, false}; }, "logits of 4");
    encode(good, bytes, limits);
    bytes[0] = std::byte{0};
    CHECK_FAILS(decode_work(bytes, limits, 4), "none of the pipeline's");
    Answer answer;
    answer.tokens = {{7, 1, Finish::kNot}};
    encode(answer, bytes, limits);
    CHECK_FAILS(decode_answer(bytes, limits, 0), "for slot 7");
    answer.tokens = {{1, -1, Finish::kNot}};
    encode(answer, bytes, limits);
    CHECK_FAILS(decode_answer(bytes, limits, 0), "token -1");
}

// Of two prompts the second one's logits hold no number: the first is complete, and stays so.
void refuses_what_is_no_number() {
    TailOptions options;
    options.shape.vocab = 5;
    options.shape.context = kContext;
    options.max_new_tokens = 1;
    int complete = 0;
    Tail tail(options, {{7, 3, {1}}, {8, 3, {1}}}, [&](int, const Completion&) {
        ++complete;
        return Status::ok();
    });
    Work work;
    work.spans = {{{0, 2, 1, false, false}, 0, false}, {{1, 2, 1, false, false}, 1, false}};
    for (const float odd : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        const std::vector<float> logits = {1, 2, 3, 4, 5, 1, 2, 3, odd, 5};
        complete = 0;
        CHECK_FAILS(tail.answer(work, logits.data()), "prompt 8: the logits for position 3 are not finite");
        CHECK_EQ(complete, 1);
        work.scoring = true;
        CHECK_FAILS(tail.answer(work, logits.data()), "prompt 8: the logits for position 3 are not finite");
        work.scoring = false;
    }
}

CU_TestInfo kTests[] = {
    {"tokens do not depend on stages, groups, batch, chunks or cache", same_for_all},
    {"a prompt ends at an end token, the length, or the context", every_finish},
    {"known tokens are as probable however they are computed", scores_alike},
    {"rows and times add up on every stage", meters_add_up},
    {"a stopped run ends in order", stops_in_order},
    {"a broken link ends every stage", breaks_everywhere},
    {"logits that are no numbers end the run", refuses_what_is_no_number},
    {"work and answers that make no sense are refused", refuses_nonsense},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kPipelineSuite = suite("pipeline", kTests);

}  // namespace inferstep::test
