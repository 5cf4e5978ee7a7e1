#include "llm/run/tail.hpp"

#include <algorithm>
#include <cmath>

#include "core/clock.hpp"
#include "llm/stage/sampling.hpp"

namespace inferstep::llm {
namespace {

// A logit that is no number, or infinite, makes every probability so.
Error no_numbers(int prompt_index, int position) {
    return fail(
        "prompt {}: the logits for position {} are not finite numbers: the model's weights hold such, or overflow",
        prompt_index, position);
}

}  // namespace

Tail::Tail(TailOptions options, std::vector<TailPrompt> prompts, CompletionSink sink)
    : options_(std::move(options)),
      prompts_(std::move(prompts)),
      sink_(std::move(sink)),
      scores_(prompts_.size(), 0.0) {}

Tail::Running& Tail::running(const WorkSpan& span, const Work& work) {
    const auto slot = static_cast<std::size_t>(span.span.slot);
    if (slot >= slots_.size()) {
        slots_.resize(slot + 1);
    }
    Running& r = slots_[slot];
    if (r.prompt != span.prompt) {
        r = {};
        r.prompt = span.prompt;
        r.admitted_ns = work.admitted_ns;
        r.completion.prompt_index = prompts_[static_cast<std::size_t>(span.prompt)].index;
    }
    return r;
}

Finish Tail::finish_of(int token, int generated, int position) const {
    const std::vector<int>& eos = options_.shape.eos;
    if (!options_.ignore_eos && std::find(eos.begin(), eos.end(), token) != eos.end()) {
        return Finish::kEos;
    }
    return generated >= options_.max_new_tokens     ? Finish::kLength
           : position + 1 >= options_.shape.context ? Finish::kContext
                                                    : Finish::kNot;
}

Result<AnswerToken> Tail::draw(const WorkSpan& span, const Work& work, const float* logits) {
    Running& r = running(span, work);
    const int position = span.span.position + span.span.rows;  // where the new token stands
    const Sample drawn = sample(logits, options_.shape.vocab, options_.sampling,
                                static_cast<std::uint64_t>(r.completion.prompt_index), position);
    if (r.completion.tokens.empty()) {
        r.first_ns = now_ns();
    }
    if (!std::isfinite(drawn.log_probability)) {
        return no_numbers(r.completion.prompt_index, position);
    }
    r.completion.tokens.push_back(drawn.token);
    r.completion.log_probability += drawn.log_probability;
    const Finish finish = finish_of(drawn.token, static_cast<int>(r.completion.tokens.size()), position);
    const AnswerToken token{span.span.slot, drawn.token, finish};
    if (finish != Finish::kNot) {
        if (Status s = complete(r, finish); !s) {
            return s.error();
        }
    }
    return token;
}

Status Tail::complete(Running& r, Finish finish) {
    r.completion.finish = name_of(finish);
    r.completion.latency_s = std::max(seconds_since(r.admitted_ns), 0.0);
    r.completion.ttft_s = std::max(static_cast<double>(r.first_ns - r.admitted_ns) * 1e-9, 0.0);
    const int prompt = r.prompt;
    Completion completion = std::move(r.completion);
    r = {};
    return sink_(prompt, std::move(completion));
}

Status Tail::score(const WorkSpan& span, const float* logits) {
    const TailPrompt& prompt = prompts_[static_cast<std::size_t>(span.prompt)];
    for (int row = 0; row < span.span.rows; ++row) {
        const int known = span.span.position + row + 1 - prompt.tokens;
        if (known < 0 || known >= static_cast<int>(prompt.known.size())) {
            return fail("position {} of prompt {} has no known token to score", span.span.position + row + 1,
                        prompt.index);
        }
        const double scored = log_probability(logits + static_cast<std::ptrdiff_t>(row) * options_.shape.vocab,
                                              options_.shape.vocab, prompt.known[static_cast<std::size_t>(known)]);
        if (!std::isfinite(scored)) {
            return no_numbers(prompt.index, span.span.position + row + 1);
        }
        scores_[static_cast<std::size_t>(span.prompt)] += scored;
    }
    return Status::ok();
}

Result<Answer> Tail::answer(const Work& work, const float* logits) {
    Answer answer;
    answer.number = work.number;
    answer.stop = work.stop;
    for (const WorkSpan& each : work.spans) {
        if (each.span.no_logits) {
            if (!work.scoring) {
                running(each, work);
            }
            continue;
        }
        if (work.scoring) {
            if (Status s = score(each, logits); !s) {
                return s.error();
            }
        } else {
            const Result<AnswerToken> token = draw(each, work, logits);
            if (!token) {
                return token.error();
            }
            answer.tokens.push_back(*token);
        }
        logits += static_cast<std::ptrdiff_t>(each.span.all_logits ? each.span.rows : 1) * options_.shape.vocab;
    }
    answer.clock_ns = now_ns();
    return answer;
}

}  // namespace inferstep::llm
