// The loops of a pipeline's stages. The first one leads: it sends work as the scheduler says, and takes the answers;
// the others follow: receive, compute, send. A pipeline of one stage leads and answers itself, without links.
//
// Every call ends with an Error when a link does, which names the rank that died; one thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "comm/link.hpp"
#include "core/result.hpp"
#include "llm/run/meters.hpp"
#include "llm/run/scheduler.hpp"
#include "llm/run/tail.hpp"
#include "llm/run/work.hpp"
#include "llm/stage/stage.hpp"

namespace inferstep::llm {

// nullptr: this stage has no such edge. The rows may have a link of their own, between GPUs.
struct Edges {
    comm::Link* work_in = nullptr;
    comm::Link* rows_in = nullptr;
    comm::Link* work_out = nullptr;
    comm::Link* rows_out = nullptr;
    comm::Link* answers_in = nullptr;   // of the first stage
    comm::Link* answers_out = nullptr;  // of the last
};

class Engine {
   public:
    // `tail`: of the last stage, else nullptr. `stop` becomes true when this rank is told to stop.
    Engine(Stage& stage, const Edges& edges, const WorkLimits& limits, int hidden, Tail* tail, Meters& meters,
           const std::atomic<bool>& stop);

    // Of the first stage. `on_prompt` is called when a prompt is complete, with how many are, and how many run.
    using OnPrompt = std::function<void(int complete, int active)>;
    Status generate(Scheduler& scheduler, TokenTimes& tokens, const OnPrompt& on_prompt);
    Status score(Scheduler& scheduler);
    Status end();  // the followers' loops return

    // Of the others: until the end.
    Status follow();

    bool stopped() const { return stopped_; }  // before all was done

   private:
    Status synchronize();
    Status signal(WorkKind kind);
    Status lead(Scheduler& scheduler, TokenTimes& tokens, bool scoring, const OnPrompt& on_prompt);
    Status issue(Work& work, TokenTimes& tokens);
    Status settle(Scheduler& scheduler, TokenTimes& tokens);
    Status serve(Work& work);
    Status compute(const Work& work);
    Status send_work(const Work& work);
    Status send_rows(int rows);
    Status receive_rows(int rows);
    Result<Work> receive_work();
    Result<Answer> receive_answer();
    Result<Answer> make_answer(const Work& work);
    Status pass_on(Work& work);
    void begin_run();
    void end_run();

    Stage& stage_;
    Edges edges_;
    WorkLimits limits_;
    std::size_t row_bytes_;
    Tail* tail_;
    Meters& meters_;
    Meters unmeasured_;
    Meters* active_ = &unmeasured_;
    std::int64_t began_ns_ = 0;
    const std::atomic<bool>& stop_;
    std::uint64_t number_ = 0;    // of the next work
    std::uint64_t answered_ = 0;  // of the next answer
    std::int64_t clock_offset_ns_ = 0;
    bool stopped_ = false;
    std::deque<Answer> own_answers_;  // of a pipeline of one stage
    std::vector<std::byte> message_;
    std::vector<std::byte> rows_;  // between a GPU and a link between hosts
};

}  // namespace inferstep::llm
