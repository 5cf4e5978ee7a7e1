// What the last stage does with logits: it draws tokens, sees when a prompt is complete, and hands its completion on;
// of prompts that are scored it adds up how probable the known tokens are.
#pragma once

#include <functional>
#include <vector>

#include "core/result.hpp"
#include "llm/files/shape.hpp"
#include "llm/run/stage_settings.hpp"
#include "llm/run/work.hpp"

namespace inferstep::llm {

struct TailOptions {
    Shape shape;
    SamplingOptions sampling;
    int max_new_tokens = 64;
    bool ignore_eos = false;
};

struct TailPrompt {
    int index = 0;           // in the file: random numbers depend on it
    int tokens = 0;          // that the prompt has
    std::vector<int> known;  // the tokens to score, after those
};

// Everything of the completion but its texts: `prompt` is the place in the list.
using CompletionSink = std::function<Status(int prompt, Completion completion)>;

class Tail {
   public:
    Tail(TailOptions options, std::vector<TailPrompt> prompts, CompletionSink sink);

    // `logits`: those of the work's spans that want some, one row after the other.
    Result<Answer> answer(const Work& work, const float* logits);

    // Of each prompt the sum of its known tokens' log-probabilities; 0 before it is scored.
    const std::vector<double>& scores() const { return scores_; }

   private:
    struct Running {
        int prompt = -1;
        std::int64_t admitted_ns = 0;
        std::int64_t first_ns = 0;
        Completion completion;
    };

    Running& running(const WorkSpan& span, const Work& work);
    Result<AnswerToken> draw(const WorkSpan& span, const Work& work, const float* logits);
    Finish finish_of(int token, int generated, int position) const;
    Status complete(Running& running, Finish finish);
    Status score(const WorkSpan& span, const float* logits);

    TailOptions options_;
    std::vector<TailPrompt> prompts_;
    CompletionSink sink_;
    std::vector<Running> slots_;
    std::vector<double> scores_;
};

}  // namespace inferstep::llm
