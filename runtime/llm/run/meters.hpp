// Where a rank's time goes while the pipeline runs, and when tokens came. All in seconds.
#pragma once

#include <cstdint>
#include <vector>

#include "core/rank_times.hpp"
#include "llm/run/work.hpp"

namespace inferstep::llm {

// A batch's time is divided among parts of prompts and decode rows by their numbers of rows.
struct Meters {
    double prefill_s = 0, decode_s = 0;  // together: computing
    double send_s = 0;
    double receive_wait_s = 0;  // in receiving: waiting, and taking the bytes
    double bubble_s = 0;        // of it: waiting until anything came, with work somewhere in the pipeline
    double run_s = 0;           // from the first work to the end, generating
    std::int64_t batches = 0, prefill_rows = 0, decode_rows = 0;
    std::int64_t decode_batches = 0;  // that have nothing but decode rows
    double decode_batches_s = 0;
    std::uint64_t bytes_sent = 0;
    RankTimes* times = nullptr;  // also written there

    void computed(const Work& work, double seconds);
    void sent(std::size_t bytes, double seconds);
    void waited(double seconds);    // for work or an answer
    void received(double seconds);  // rows that follow a work
};

// On the first stage: of each prompt when its first rows went in, and when each of its tokens came back.
class TokenTimes {
   public:
    TokenTimes(std::size_t prompts, RankTimes* times) : prompts_(prompts), times_(times) {}
    void begin(std::int64_t now) { begin_ = now; }
    bool admit(int prompt, std::int64_t now);  // false: it was already
    void token(int prompt, std::int64_t now);

    std::vector<double> first_token() const;                   // from admission
    std::vector<double> first_token_of_run() const;            // from the run's begin
    std::vector<double> per_token() const;                     // mean after the first, of prompts with at least two
    const std::vector<double>& gaps() const { return gaps_; }  // between tokens of a prompt
    std::int64_t tokens() const { return tokens_; }
    double rate() const;  // tokens/s so far

   private:
    struct Prompt {
        std::int64_t admitted = 0, first = 0, last = 0;
        std::int64_t tokens = 0;
    };
    std::vector<Prompt> prompts_;
    std::vector<double> gaps_;
    RankTimes* times_;
    std::int64_t begin_ = 0;
    std::int64_t tokens_ = 0;
};

}  // namespace inferstep::llm
