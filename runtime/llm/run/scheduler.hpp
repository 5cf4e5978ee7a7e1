// Which rows the first stage sends next. Pure: it knows neither stages nor links, and time only as it is told.
//
// A group is a number of slots whose sequences go through the pipeline together, one batch after the other: a row for
// each sequence whose last token was sampled, and a chunk of the prompts that are not through yet. Parts of a prompt
// that want no logits follow each other without waiting; a sampled token has to come back before its sequence goes on.
// A finished sequence's slot takes the next prompt at once, in the order of the file.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "core/result.hpp"
#include "llm/run/work.hpp"

namespace inferstep::llm {

struct SchedulerOptions {
    int groups = 1;          // each has at most one batch in flight that wants logits
    int batch_size = 1;      // sequences of a group
    int prefill_chunk = 64;  // rows of prompts in one batch
    int logit_rows = 1;      // of one batch: at least batch_size
    bool kv_cache = true;    // false: every token is computed from position 0 on
};

struct Task {
    std::vector<int> tokens;  // none: the task is passed over
    // -1: generate. Else nothing is sampled: all tokens are given, and logits are wanted of the rows from here on.
    int scored_from = -1;
};

class Scheduler {
   public:
    // A task's place in the list is its `prompt`.
    Scheduler(const SchedulerOptions& options, std::vector<Task> tasks);

    // The next batch, without a number. None: an answer has to come first, or all is done.
    std::optional<Work> next();
    // To the oldest batch in flight. Error: it is the answer to something else.
    Status accept(const Answer& answer);

    // No prompt is begun and no sequence goes on; what is in flight still comes back.
    void stop() { stopped_ = true; }
    bool stopped() const { return stopped_; }
    bool done() const { return in_flight_.empty() && (stopped_ || (ready_.empty() && active_ == 0)); }
    int in_flight() const { return static_cast<int>(in_flight_.size()); }
    int active() const { return active_; }  // sequences in slots
    int finished() const { return finished_; }
    int prompt_in(int slot) const { return slots_[static_cast<std::size_t>(slot)].prompt; }  // -1: none

   private:
    struct Slot {
        int prompt = -1;
        int done = 0;            // rows that were sent
        bool generated = false;  // at least one token
    };
    struct Group {
        bool waits = false;   // for tokens
        bool queued = false;  // in ready_
    };
    struct Flight {
        int group = 0;
        bool logits = false;
        std::vector<int> slots;  // that get a token
        std::vector<int> ends;   // that are scored to their end
    };

    void admit(int slot);
    void queue(int group);
    bool has_rows(int group) const;
    void compose(int id, int& chunk, int& logits, Work& work, Flight& flight);
    void score(Slot& slot, int id, int& chunk, int& logits, Work& work, Flight& flight);
    void take(const AnswerToken& token);
    void release(int slot);
    int rows_left(const Slot& slot) const;
    void append(Work& work, int id, int rows, bool all_logits, bool no_logits, bool decode);

    SchedulerOptions options_;
    std::vector<Task> tasks_;
    std::size_t next_task_ = 0;
    std::vector<Slot> slots_;
    std::vector<Group> groups_;
    std::deque<int> ready_;
    std::deque<Flight> in_flight_;
    int active_ = 0;
    int finished_ = 0;
    bool stopped_ = false;
};

}  // namespace inferstep::llm
