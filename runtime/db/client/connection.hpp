// One connection to a database: RESP out by scatter-gather, RESP in through hiredis' parser, both with a deadline.
//
// hiredis builds a command by copying its arguments; a tensor is 600 kB and more, so here the payload is handed to the
// kernel from where it lies. Not thread-safe. Private to the library.
#pragma once

#include <hiredis/hiredis.h>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/fd.hpp"
#include "db/client/inferclient.hpp"

namespace inferstep::client {

using Deadline = std::chrono::steady_clock::time_point;
using Bytes = std::span<const std::byte>;

struct Address {
    std::string text;  // as given
    std::string path;  // of a Unix socket; empty: TCP
    std::string host;
    int port = 0;

    bool same_place(const Address& o) const { return path == o.path && host == o.host && port == o.port; }
};

// usage error when `text` is no address.
ClientStatus parse_address(std::string_view text, Address& address);
std::string tcp_text(std::string_view host, long long port);  // an address in the form that parse_address() takes

// One or more commands in wire form. Words are copied, payloads only referred to.
class Request {
   public:
    void add(std::span<const std::string> words, std::span<const Bytes> payloads = {});
    // The same piece by piece: begin(), then as many words and payloads as were announced. `name` is for messages.
    void begin(std::size_t arguments, std::string name);
    void word(std::string_view word);
    void payload(Bytes payload);

    std::size_t commands() const { return names_.size(); }
    const std::string& name(std::size_t command) const { return names_[command]; }  // for messages: "AI.TENSORSET x"

    struct Piece {
        std::size_t offset = 0;  // into text() when the payload is empty
        std::size_t size = 0;
        const std::byte* payload = nullptr;
    };
    const std::vector<Piece>& pieces() const { return pieces_; }
    const std::string& text() const { return text_; }

   private:
    void put(std::string_view text);

    std::string text_;
    std::vector<Piece> pieces_;
    std::vector<std::string> names_;
};

struct FreeReply {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

// Where the data of an expected tensor is to go, past every buffer in between: an answer to AI.TENSORGET key META BLOB
// that has this type and these many bytes fills `room`, and comes with an empty blob; any other comes as it is.
struct TensorRoom {
    TensorType type = TensorType::float32;
    std::span<std::byte> room;
    bool filled = false;
};

class Connection {
   public:
    bool is_open() const { return context_ != nullptr; }
    void close() { context_.reset(); }
    // `secret`: the database's password; empty: none.
    ClientStatus open(const Address& address, std::chrono::milliseconds timeout, const std::string& secret = {});

    // Send every command and collect as many replies, in order. Replies that are errors are replies all the same. When
    // this fails the connection is closed: answers may still be under way. `tensor`: for the last answer.
    ClientStatus exchange(const Request& request, Deadline deadline, std::vector<Reply>& replies,
                          TensorRoom* tensor = nullptr);
    // After an exchange that failed: the database had closed the connection before, and has not seen a byte of it.
    bool unsent() const { return unsent_; }

   private:
    struct FreeContext {
        void operator()(redisContext* context) const { redisFree(context); }
    };
    ClientStatus authenticate(const std::string& secret, Deadline deadline);
    // True in `whole` when everything was sent; a peer that closes midway is no failure here: it may have said why.
    ClientStatus send(const Request& request, Deadline deadline, bool& whole);
    ClientStatus receive(Deadline deadline, const std::string& command, Reply& reply);
    ClientStatus receive_tensor(Deadline deadline, const std::string& command, TensorRoom& tensor, Reply& reply);
    // What is there, at most what fits; nothing yet is no failure.
    ClientStatus take_bytes(const std::string& command, std::span<std::byte> room, std::size_t& received);
    ClientStatus receive_bytes(Deadline deadline, const std::string& command, std::span<std::byte> room,
                               std::size_t& received);
    ClientStatus read_some(const std::string& command);
    ClientStatus feed(const std::string& command, std::string_view bytes);
    ClientStatus wait_for(short events, Deadline deadline, const std::string& command, short& ready);
    ClientStatus broken(const std::string& command, std::string_view why) const;

    std::unique_ptr<redisContext, FreeContext> context_;
    std::string address_;
    std::unique_ptr<char[]> buffer_;
    bool unsent_ = false;
};

}  // namespace inferstep::client
