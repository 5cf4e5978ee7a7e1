// What the ranks say to each other over the control connections: rounds of all, letters of two, and giving up.
#include <chrono>

#include "comm/control.hpp"

namespace inferstep::comm {
namespace {

constexpr std::chrono::milliseconds kHearsay(3000);  // within which a death is told to all
constexpr std::size_t kLargestRound = 0xf0000000U;   // fits a frame

}  // namespace

Result<std::vector<std::string>> Control::gather(std::string_view mine, bool leaving) {
    std::unique_lock lock(mutex_);
    if (failure_) {
        return *failure_;
    }
    leaving_ = leaving;
    if (rank_ == 0) {
        pieces_[0] = std::string(mine);
        ++piece_count_;
        leaving_count_ += leaving ? 1 : 0;
        complete_if_all();
    } else {
        queue(members_[0], Kind::gather, BodyWriter().number(round_).number(leaving ? 1 : 0).text(mine).body());
    }
    changed_.wait(lock, [this] { return result_.has_value() || failure_.has_value(); });
    if (!result_) {
        return *failure_;
    }
    std::vector<std::string> all = std::move(*result_);
    result_.reset();
    return all;
}

void Control::take_piece(int from, const Frame& frame) {
    BodyReader in(frame.body);
    const std::uint64_t round = in.number();
    const bool leaving = in.number() != 0;
    std::string piece = in.text();
    const auto index = static_cast<std::size_t>(from);
    if (rank_ != 0 || !in.done() || round != round_ || pieces_[index]) {
        fail_with(fail("{} is out of step with the others", name_of(from)));
        return;
    }
    pieces_[index] = std::move(piece);
    ++piece_count_;
    leaving_count_ += leaving ? 1 : 0;
    complete_if_all();
}

void Control::complete_if_all() {
    if (piece_count_ < pieces_.size()) {
        return;
    }
    if (leaving_count_ != 0 && leaving_count_ != pieces_.size()) {
        fail_with(fail("some ranks leave while others go on: they are out of step"));
        return;
    }
    std::size_t bytes = 0;
    for (const std::optional<std::string>& piece : pieces_) {
        bytes += piece->size() + sizeof(std::uint64_t);
    }
    if (bytes > kLargestRound) {
        fail_with(fail("the ranks have {} bytes for each other, and {} are the most at once", bytes, kLargestRound));
        return;
    }
    BodyWriter out;
    out.number(round_);
    std::vector<std::string> all;
    for (std::optional<std::string>& piece : pieces_) {
        out.text(*piece);
        all.push_back(std::move(*piece));
        piece.reset();
    }
    piece_count_ = 0;
    ++round_;
    left_ = left_ || leaving_;
    for (Member& member : members_) {
        queue(member, Kind::gathered, out.body());
    }
    result_ = std::move(all);
    changed_.notify_all();
}

void Control::take_all(const Frame& frame) {
    BodyReader in(frame.body);
    std::vector<std::string> all;
    const std::uint64_t round = in.number();
    while (in.ok() && all.size() < peers_.size()) {
        all.push_back(in.text());
    }
    if (rank_ == 0 || !in.done() || round != round_ || result_) {
        fail_with(fail("{} is out of step with the others", name_of(0)));
        return;
    }
    ++round_;
    left_ = left_ || leaving_;
    result_ = std::move(all);
    changed_.notify_all();
}

Status Control::post(int to, std::string_view letter) {
    const std::lock_guard lock(mutex_);
    if (failure_) {
        return *failure_;
    }
    const auto number = [](int rank) { return static_cast<std::uint64_t>(rank); };
    const std::string body = BodyWriter().number(number(rank_)).number(number(to)).text(letter).body();
    if (to == rank_) {
        letters_[rank_].emplace_back(letter);
        changed_.notify_all();
    } else {
        queue(members_[static_cast<std::size_t>(index_of(to))], Kind::mail, body);
    }
    return Status::ok();
}

void Control::take_letter(int from, const Frame& frame) {
    BodyReader in(frame.body);
    const int size = static_cast<int>(peers_.size());
    const int sender = in.small(size - 1);
    const int to = in.small(size - 1);
    std::string letter = in.text();
    if (!in.done() || (rank_ == 0 ? sender != from : to != rank_)) {
        fail_with(fail("{} sends a letter with a wrong address", name_of(from)));
    } else if (to == rank_) {
        letters_[sender].push_back(std::move(letter));
        changed_.notify_all();
    } else {
        queue(members_[static_cast<std::size_t>(to)], Kind::mail, frame.body);
    }
}

Result<std::string> Control::letter_from(int from) {
    std::unique_lock lock(mutex_);
    std::deque<std::string>& box = letters_[from];
    changed_.wait(lock, [&] { return !box.empty() || failure_.has_value(); });
    if (box.empty()) {
        return *failure_;
    }
    std::string letter = std::move(box.front());
    box.pop_front();
    return letter;
}

void Control::give_up(const Error& why) {
    const std::lock_guard lock(mutex_);
    if (failure_) {
        return;  // all know already
    }
    if (rank_ != 0) {
        queue(members_[0], Kind::abort, BodyWriter().text(why.message).text(why.hint).body());
    }
    fail_with(with_hint(fail("{} gave up: {}", name_of(rank_), why.message), why.hint));
}

std::optional<Error> Control::failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
}

Error Control::explain(const Error& otherwise) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kHearsay, [this] { return failure_.has_value(); });
    return failure_ ? *failure_ : otherwise;
}

}  // namespace inferstep::comm
