// The first stage's part.
#include <limits>
#include <optional>

#include "core/clock.hpp"
#include "llm/run/engine.hpp"

namespace inferstep::llm {

Status Engine::signal(WorkKind kind) {
    Work work;
    work.kind = kind;
    work.stop = stopped_;
    work.number = number_++;
    return pass_on(work);
}

// The last stage's clock is off by what it showed, less the middle of the fastest way there and back.
Status Engine::synchronize() {
    constexpr int kPings = 8;
    std::int64_t fastest = std::numeric_limits<std::int64_t>::max();
    for (int i = 0; i < kPings; ++i) {
        const std::int64_t began = now_ns();
        if (Status s = signal(WorkKind::kPing); !s) {
            return s;
        }
        const Result<Answer> answer = receive_answer();
        if (!answer) {
            return answer.error();
        }
        const std::int64_t took = now_ns() - began;
        if (took < fastest) {
            fastest = took;
            clock_offset_ns_ = answer->clock_ns - (began + took / 2);
        }
    }
    return Status::ok();
}

Status Engine::issue(Work& work, TokenTimes& tokens) {
    work.number = number_++;
    const std::int64_t now = now_ns();
    work.admitted_ns = now + clock_offset_ns_;
    for (const WorkSpan& each : work.spans) {
        tokens.admit(each.prompt, now);
    }
    Status s = compute(work);
    return s ? pass_on(work) : s;
}

Status Engine::settle(Scheduler& scheduler, TokenTimes& tokens) {
    const Result<Answer> answer = receive_answer();
    if (!answer) {
        return answer.error();
    }
    const std::int64_t now = now_ns();
    for (const AnswerToken& each : answer->tokens) {
        if (const int prompt = scheduler.prompt_in(each.slot); prompt >= 0) {
            tokens.token(prompt, now);
        }
    }
    if (answer->stop) {
        scheduler.stop();
    }
    return scheduler.accept(*answer);
}

Status Engine::lead(Scheduler& scheduler, TokenTimes& tokens, bool scoring, const OnPrompt& on_prompt) {
    int complete = 0;
    while (!scheduler.done()) {
        if (stop_) {
            scheduler.stop();
        }
        std::optional<Work> work = own_answers_.empty() ? scheduler.next() : std::nullopt;
        if (work) {
            work->scoring = scoring;
        } else if (scheduler.in_flight() == 0) {
            if (scheduler.stopped()) {
                break;
            }
            return fail("the scheduler has nothing to send and waits for nothing");
        }
        Status s = work ? issue(*work, tokens) : settle(scheduler, tokens);
        if (!s) {
            return s;
        }
        if (scheduler.finished() != complete) {
            complete = scheduler.finished();
            on_prompt(complete, scheduler.active());
        }
    }
    stopped_ = stopped_ || scheduler.stopped();
    return Status::ok();
}

Status Engine::generate(Scheduler& scheduler, TokenTimes& tokens, const OnPrompt& on_prompt) {
    Status s = synchronize();
    s = s ? signal(WorkKind::kBegin) : s;
    if (!s) {
        return s;
    }
    begin_run();
    tokens.begin(now_ns());
    s = lead(scheduler, tokens, false, on_prompt);
    end_run();
    return s ? signal(WorkKind::kPause) : s;
}

Status Engine::score(Scheduler& scheduler) {
    TokenTimes untimed(static_cast<std::size_t>(limits_.prompts), nullptr);
    return lead(scheduler, untimed, true, [](int, int) {});
}

Status Engine::end() { return signal(WorkKind::kEnd); }

}  // namespace inferstep::llm
