// The control connections of a World once all ranks are there, and the thread that serves them: frames in and out,
// beats, deaths.
//
// Rank 0 has a connection to every other rank and passes on what is not for itself; the others have one, to rank 0.
// Every public function may be called from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "comm/frame.hpp"
#include "comm/meet.hpp"
#include "comm/world.hpp"
#include "core/fd.hpp"
#include "core/result.hpp"

namespace inferstep::comm {

class Control {
   public:
    Control(int rank, Meeting meeting, const WorldOptions& options);
    ~Control();
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;
    Status start();

    const std::vector<Peer>& peers() const { return peers_; }
    const std::string& address(int rank) const { return addresses_[static_cast<std::size_t>(rank)]; }

    Result<std::vector<std::string>> gather(std::string_view mine, bool leaving);
    // Letters arrive in order, from each rank by itself.
    Status post(int to, std::string_view letter);
    Result<std::string> letter_from(int from);

    void give_up(const Error& why);
    std::optional<Error> failure() const;
    bool failed() const { return failed_.load(std::memory_order_acquire); }
    int failure_fd() const { return failure_event_.get(); }  // readable from the first failure on
    std::int64_t silence_ms() const { return silence_ms_; }
    // What a link says that lost its other end: the failure, if one is heard of soon; else `otherwise`.
    Error explain(const Error& otherwise) const;

   private:
    struct Member {
        Connection connection;
        std::string out;       // not yet taken by the socket
        std::size_t sent = 0;  // of it
        std::int64_t heard_ms = 0;
        bool watched_out = false;
        bool gone = false;
    };

    // All below: mutex_ is held.
    int index_of(int rank) const { return rank_ == 0 ? rank : 0; }
    int rank_of(int index) const { return rank_ == 0 ? index : 0; }
    void queue(Member& member, Kind kind, std::string_view body);
    void flush(Member& member);
    void read(int index);
    void take(int from, const Frame& frame);
    void take_piece(int from, const Frame& frame);
    void take_all(const Frame& frame);
    void take_letter(int from, const Frame& frame);
    void complete_if_all();
    void lose(int index);
    void fail_with(Error error);
    void tick(std::int64_t now);
    std::string name_of(int rank) const;

    void serve();
    void take_leave();
    void wake() const;

    const int rank_;
    const std::vector<Peer> peers_;
    const std::vector<std::string> addresses_;
    const std::int64_t silence_ms_;
    std::vector<Member> members_;
    UniqueFd epoll_;
    UniqueFd wake_event_;
    UniqueFd failure_event_;
    std::thread thread_;

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::atomic<bool> failed_{false};
    std::optional<Error> failure_;
    bool stop_ = false;
    bool left_ = false;  // all ranks have left: connections may end
    std::uint64_t round_ = 0;
    std::vector<std::optional<std::string>> pieces_;  // of this round, at rank 0
    std::size_t piece_count_ = 0;
    std::size_t leaving_count_ = 0;
    bool leaving_ = false;  // this round is the last
    std::optional<std::vector<std::string>> result_;
    std::map<int, std::deque<std::string>> letters_;
    std::int64_t last_tick_ms_ = 0;
    std::int64_t last_beat_ms_ = 0;
};

}  // namespace inferstep::comm
