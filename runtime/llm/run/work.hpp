// What travels around a pipeline: work from stage to stage, and the answer from the last one back to the first.
//
// On the wire both have a fixed size for a run, so that the receiver knows it; the rows of hidden states follow the
// work in a message of their own. What was received is checked against the run's limits before anything uses it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "llm/stage/stage.hpp"

namespace inferstep::llm {

// Both ends of every edge have the same, from the same settings.
struct WorkLimits {
    int prompts = 0;
    int groups = 1;
    int batch_size = 1;
    int context = 0;     // positions of a slot
    int rows = 0;        // of one batch
    int logit_rows = 1;  // of one batch

    int slots() const { return groups * batch_size; }
    int spans() const { return 2 * batch_size; }  // a scored prompt has a part without logits and one with
};

struct WorkSpan {
    Span span;
    int prompt = 0;       // place in the list of prompts
    bool decode = false;  // one row after a token that was sampled, not a part of a prompt
};

enum class WorkKind {
    kPing,   // answered with the last stage's clock
    kBegin,  // from here on time is measured
    kBatch,  // answered
    kPause,  // time is measured no more
    kEnd     // nothing follows
};

struct Work {
    WorkKind kind = WorkKind::kBatch;
    std::uint64_t number = 0;  // from 0, one after the other
    int group = 0;
    bool stop = false;             // a rank on the way was told to stop
    bool scoring = false;          // logits are compared with known tokens, nothing is sampled
    std::int64_t admitted_ns = 0;  // by the last stage's clock: of prompts whose first rows are in here
    std::vector<WorkSpan> spans;
    std::vector<int> tokens;  // of all rows; they stay on the first stage

    Batch batch() const;
    int rows() const;
    int decode_rows() const;
    bool wants_logits() const;
};

enum class Finish { kNot, kEos, kLength, kContext };
std::string_view name_of(Finish finish);  // "eos", "length", "context"

struct AnswerToken {
    int slot = 0;
    int token = 0;
    Finish finish = Finish::kNot;
};

// One for each work, in the order of the works; without tokens when that wanted no logits.
struct Answer {
    std::uint64_t number = 0;
    bool stop = false;
    std::int64_t clock_ns = 0;  // of the last stage
    std::vector<AnswerToken> tokens;
};

std::size_t work_bytes(const WorkLimits& limits);
void encode(const Work& work, std::vector<std::byte>& out, const WorkLimits& limits);
// Error: these bytes are no work number `expected` within the limits, and what is wrong with them.
Result<Work> decode_work(const std::vector<std::byte>& bytes, const WorkLimits& limits, std::uint64_t expected);

std::size_t answer_bytes(const WorkLimits& limits);
void encode(const Answer& answer, std::vector<std::byte>& out, const WorkLimits& limits);
Result<Answer> decode_answer(const std::vector<std::byte>& bytes, const WorkLimits& limits, std::uint64_t expected);

}  // namespace inferstep::llm
