// What goes over a control connection: frames of a kind and a body, and the words and numbers inside of bodies.
//
// A frame is 8 bytes (length of the body, kind, mark) and its body. Everything that is read is checked: a frame longer
// than the reader's limit, an unknown mark, a text longer than its body are errors of the connection, never of ours.
// Nothing here is thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace inferstep::comm {

enum class Kind : std::uint16_t {
    hello = 1,  // who wants to join
    answer,     // rank 0 takes the hello, and proves itself
    deny,       // rank 0 does not, and says why
    proof,      // who wants to join proves itself
    welcome,    // all are here: the peers
    beat,
    gather,    // of one rank to rank 0
    gathered,  // of all, to all
    mail,      // between two ranks, by way of rank 0
    abort,     // a rank gives up
    failure,   // what all are told
    bye,       // a rank closes its connection without having left
};

struct Frame {
    Kind kind = Kind::beat;
    std::string body;
};

constexpr std::size_t kFrameHeader = 8;
constexpr std::size_t kStrangerLimit = 16U << 10U;  // bytes of a frame of somebody who has proved nothing yet

std::string framed(Kind kind, std::string_view body);

// Takes bytes as they come and gives frames.
class FrameReader {
   public:
    explicit FrameReader(std::size_t limit) : limit_(limit) {}
    void set_limit(std::size_t limit) { limit_ = limit; }
    // Read what there is from a socket that does not block. False: it is closed or broken.
    bool fill(int fd);
    void add(std::string_view bytes) { bytes_.append(bytes); }
    // The next whole frame. None, and bad(): what came is no frame.
    std::optional<Frame> next();
    bool bad() const { return bad_; }

   private:
    std::string bytes_;
    std::size_t begin_ = 0;
    std::size_t limit_;
    bool bad_ = false;
};

class BodyWriter {
   public:
    BodyWriter& number(std::uint64_t value);
    BodyWriter& text(std::string_view value);
    const std::string& body() const { return body_; }

   private:
    std::string body_;
};

// After the first thing that does not fit everything is 0 or empty, and ok() false.
class BodyReader {
   public:
    explicit BodyReader(std::string_view body) : rest_(body) {}
    std::uint64_t number();
    std::string text();
    int small(int high);  // a number from 0 to `high`
    bool ok() const { return ok_; }
    bool done() const { return ok_ && rest_.empty(); }

   private:
    std::string_view rest_;
    bool ok_ = true;
};

}  // namespace inferstep::comm
