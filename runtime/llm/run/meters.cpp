#include "llm/run/meters.hpp"

#include "core/clock.hpp"

namespace inferstep::llm {
namespace {

double seconds(std::int64_t from_ns, std::int64_t to_ns) { return static_cast<double>(to_ns - from_ns) * 1e-9; }

void note(RankTimes* times, std::string_view function, double s) {
    if (times != nullptr) {
        times->row(function, s);
    }
}

}  // namespace

void Meters::computed(const Work& work, double s) {
    const int decode = work.decode_rows();
    const int prefill = work.rows() - decode;
    const double share = decode + prefill > 0 ? static_cast<double>(decode) / (decode + prefill) : 0;
    decode_s += s * share;
    prefill_s += s * (1 - share);
    decode_rows += decode;
    prefill_rows += prefill;
    ++batches;
    if (prefill == 0) {
        ++decode_batches;
        decode_batches_s += s;
    }
    note(times, work.scoring ? "score" : prefill == 0 ? "decode" : decode == 0 ? "prefill" : "mixed", s);
    if (times != nullptr) {
        times->flush_now_and_then();
    }
}

void Meters::sent(std::size_t bytes, double s) {
    bytes_sent += bytes;
    send_s += s;
    note(times, "send", s);
}

void Meters::waited(double s) {
    receive_wait_s += s;
    bubble_s += s;
    note(times, "wait", s);
}

void Meters::received(double s) {
    receive_wait_s += s;
    note(times, "receive", s);
}

bool TokenTimes::admit(int prompt, std::int64_t now) {
    Prompt& p = prompts_[static_cast<std::size_t>(prompt)];
    if (p.admitted != 0) {
        return false;
    }
    p.admitted = now;
    return true;
}

void TokenTimes::token(int prompt, std::int64_t now) {
    Prompt& p = prompts_[static_cast<std::size_t>(prompt)];
    if (p.tokens == 0) {
        p.first = now;
        note(times_, "first_token", seconds(p.admitted, now));
    } else {
        gaps_.push_back(seconds(p.last, now));
        note(times_, "token", gaps_.back());
    }
    p.last = now;
    ++p.tokens;
    ++tokens_;
}

double TokenTimes::rate() const {
    const double passed = seconds(begin_, now_ns());
    return passed > 0 ? static_cast<double>(tokens_) / passed : 0;
}

std::vector<double> TokenTimes::first_token() const {
    std::vector<double> times;
    for (const Prompt& p : prompts_) {
        if (p.tokens > 0) {
            times.push_back(seconds(p.admitted, p.first));
        }
    }
    return times;
}

std::vector<double> TokenTimes::first_token_of_run() const {
    std::vector<double> times;
    for (const Prompt& p : prompts_) {
        if (p.tokens > 0) {
            times.push_back(seconds(begin_, p.first));
        }
    }
    return times;
}

std::vector<double> TokenTimes::per_token() const {
    std::vector<double> times;
    for (const Prompt& p : prompts_) {
        if (p.tokens > 1) {
            times.push_back(seconds(p.first, p.last) / static_cast<double>(p.tokens - 1));
        }
    }
    return times;
}

}  // namespace inferstep::llm
