#include "db/client/arena.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "db/client/client_impl.hpp"

namespace inferstep::client {
namespace {

using Code = ClientStatus::Code;

// A smaller tensor does not make a client ask for an arena, nor does the first one: asking costs two of them.
constexpr std::size_t kWorthwhile = 16 << 10;
constexpr int kPutsBefore = 1;
// Data part of an arena: at first, and at most. It has room for several of the tensors that are put.
constexpr std::uint64_t kFirst = 16 << 20;
constexpr std::uint64_t kLeast = 1 << 20;
constexpr std::uint64_t kMost = 1 << 30;
constexpr std::uint64_t kTensors = 8;
constexpr std::size_t kGlance = 8;
constexpr std::chrono::milliseconds kPatience{1000};

// A child of fork() shares the memory and must not write to it. Counting forks needs no system call in a put.
std::atomic<int> forks{0};

void count_forks() {
    static const int once = pthread_atfork(nullptr, nullptr, [] { ++forks; });
    static_cast<void>(once);
}

bool wanted() {
    const char* word = std::getenv("INFER_ARENA");
    return word == nullptr || std::strcmp(word, "no") != 0;
}

}  // namespace

void Arena::begin() {
    leave();
    state_ = wanted() ? State::untried : State::off;
}

void Arena::leave() {
    if (segment_ != nullptr) {
        segment_->leave();
        segment_.reset();
        loan_.reset();
        state_ = State::untried;
    }
    puts_ = 0;
    may_grow_ = true;
}

void Arena::turn_off() {
    leave();
    state_ = State::off;
}

// A command of our own: what becomes of earlier puts is said by the caller's calls.
bool Arena::ask(const std::vector<std::string>& words, Reply& reply) {
    asking_ = true;
    const ClientStatus status = ask_(words, reply);
    asking_ = false;
    return static_cast<bool>(status);
}

bool Arena::open(std::uint64_t least, std::uint64_t wish) {
    std::shared_ptr<ArenaSegment> segment;
    if (!ArenaSegment::open(path_, least, wish, kPatience, segment)) {
        return false;
    }
    leave();  // a smaller one, whose tensors the database takes care of
    segment_ = std::move(segment);
    state_ = State::open;
    return true;
}

// Whether there is an arena. One is asked for when tensors are large enough, or at once when somebody is eager.
bool Arena::ready(std::size_t bytes, bool eager) {
    if (state_ == State::open && forks_ != forks) {
        leave();
    }
    if (state_ == State::open && segment_->closed()) {
        return false;
    }
    if (state_ != State::untried || asking_ || (!eager && (bytes < kWorthwhile || puts_++ < kPutsBefore))) {
        return state_ == State::open;
    }
    count_forks();
    forks_ = forks;
    Reply reply;
    if (ask({"AI._ARENA"}, reply) && reply->type == REDIS_REPLY_STRING) {
        path_.assign(reply->str, reply->len);
        const std::uint64_t wish = std::max(kFirst, std::min<std::uint64_t>(kMost, bytes * kTensors));
        if (open(std::max<std::uint64_t>(kLeast, bytes + kArenaAlign), std::max<std::uint64_t>(wish, bytes * 2))) {
            return true;
        }
    }
    state_ = State::off;
    return false;
}

std::optional<ArenaBlock> Arena::room(std::size_t bytes) {
    for (const std::size_t look : {kGlance, std::size_t{kArenaSlots}}) {
        segment_->reclaim(look);
        if (const auto block = segment_->ring_full() ? std::nullopt : segment_->take(bytes)) {
            return block;
        }
    }
    if (!segment_->all_drained()) {
        Reply reply;
        if (!ask({"PING"}, reply) || segment_ == nullptr) {
            return std::nullopt;
        }
        segment_->reclaim(kArenaSlots);
        if (const auto block = segment_->take(bytes)) {
            return block;
        }
    }
    const std::uint64_t had = segment_->data_bytes();
    const std::uint64_t least = std::max<std::uint64_t>(had + had / 2, bytes * 2);
    const std::uint64_t wish = std::max<std::uint64_t>(std::min(kMost, std::max(had * 2, bytes * kTensors)), bytes * 2);
    if (!may_grow_ || least > wish || !open(least, wish)) {
        may_grow_ = false;
        return std::nullopt;
    }
    return segment_->take(bytes);
}

bool Arena::put(const TensorIn& tensor, Bytes data) {
    if (data.empty() || !ArenaSegment::can_say(tensor) || !ready(data.size(), false)) {
        return false;
    }
    const auto block = room(data.size());
    if (!block) {
        return false;
    }
    std::memcpy(segment_->data() + block->offset, data.data(), data.size());
    segment_->publish(*block, tensor, data.size());
    return true;
}

std::optional<Arena::Room> Arena::reserve(std::size_t bytes) {
    const auto block = bytes > 0 && ready(bytes, true) ? room(bytes) : std::nullopt;
    return block ? std::optional<Room>(Room{segment_, *block}) : std::nullopt;
}

bool Arena::commit(const Room& reserved, const TensorIn& tensor) {
    // It may have been reserved in an arena that is no longer ours.
    if (!ready(reserved.block.bytes, false) || reserved.segment != segment_ || !ArenaSegment::can_say(tensor)) {
        return false;
    }
    if (segment_->ring_full()) {
        Reply reply;
        if (!ask({"PING"}, reply) || reserved.segment != segment_ || segment_->ring_full()) {
            return false;
        }
    }
    segment_->publish(reserved.block, tensor, reserved.block.bytes);
    return true;
}

void Arena::discard(const Room& reserved) { reserved.segment->give(reserved.block); }

std::vector<std::string> Arena::get(std::string_view key, std::size_t bytes) {
    if (bytes >= kWorthwhile && state_ == State::open && ready(bytes, false)) {
        segment_->reclaim(kArenaSlots);
        loan_ = segment_->take(bytes);
        const ArenaBlock lent = loan_.value_or(ArenaBlock{});
        return {"AI._ARENAGET", std::string(key), std::to_string(segment_->token()), std::to_string(lent.offset),
                std::to_string(lent.bytes)};
    }
    return tensor_get(key);
}

Bytes Arena::data() const { return segment_ != nullptr ? Bytes{segment_->data(), segment_->data_bytes()} : Bytes{}; }

void Arena::end_loan() {
    if (loan_ && segment_ != nullptr) {
        segment_->give(*loan_);
    }
    loan_.reset();
}

ClientStatus Arena::outcome(ClientStatus status) {
    if (segment_ == nullptr || asking_ || forks_ != forks) {
        return status;
    }
    const std::string problem = segment_->problem();
    return problem.empty() ? status : ClientStatus(Code::server, "a put that had returned was refused: " + problem);
}

}  // namespace inferstep::client
