// Whether and how a client puts and gets by shared memory: it asks the database for an arena when that begins to pay,
// for a larger one when it is full, and says no whenever the ordinary way has to be taken. Private to the library.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "db/client/arena_segment.hpp"
#include "db/client/connection.hpp"

namespace inferstep::client {

class Arena {
   public:
    // How to send a command. It may call leave().
    using Ask = std::function<ClientStatus(const std::vector<std::string>& words, Reply& reply)>;
    explicit Arena(Ask ask) : ask_(std::move(ask)) {}
    ~Arena() { leave(); }
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    // There is a connection by a Unix socket. Without one, and with INFER_ARENA=no, everything below says no.
    void begin();
    // The connection is gone: so is the arena. Another one is asked for with the next.
    void leave();
    // The database may not have taken all that was put.
    bool owes() const { return segment_ != nullptr && !segment_->all_drained(); }
    // From now on the ordinary way for everything.
    void turn_off();

    // True: the tensor is put. False: take the ordinary way.
    bool put(const TensorIn& tensor, Bytes data);

    // Memory to write a tensor into, and to put it by afterwards; null when there is none.
    struct Room {
        std::shared_ptr<ArenaSegment> segment;  // keeps the memory mapped
        ArenaBlock block;
        std::byte* data() const { return segment->data() + block.offset; }
    };
    std::optional<Room> reserve(std::size_t bytes);
    // False: take the ordinary way; the memory is still there until `room` goes.
    bool commit(const Room& room, const TensorIn& tensor);
    void discard(const Room& room);

    // The command that fetches a tensor of so many bytes: AI._ARENAGET with a loan to be ended after its reply, or
    // AI.TENSORGET.
    std::vector<std::string> get(std::string_view key, std::size_t bytes);
    Bytes data() const;  // where the offsets of replies lead
    void end_loan();

    // The outcome of a call, which is that of an earlier put if that was refused meanwhile.
    ClientStatus outcome(ClientStatus status);

   private:
    enum class State { off, untried, open };
    bool ready(std::size_t bytes, bool eager);
    bool ask(const std::vector<std::string>& words, Reply& reply);
    bool open(std::uint64_t least, std::uint64_t wish);
    std::optional<ArenaBlock> room(std::size_t bytes);

    Ask ask_;
    State state_ = State::off;
    bool may_grow_ = true;
    bool asking_ = false;
    int puts_ = 0;   // large enough, until it is asked for
    int forks_ = 0;  // of this process, when the arena was opened
    std::string path_;
    std::shared_ptr<ArenaSegment> segment_;
    std::optional<ArenaBlock> loan_;
};

}  // namespace inferstep::client
