// A link over TCP: a header of 8 bytes and the message; spinning first, then sleeping.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "comm/address.hpp"
#include "comm/link_make.hpp"
#include "comm/link_wait.hpp"
#include "comm/stream.hpp"
#include "comm/tcp_sender.hpp"
#include "core/clock.hpp"

namespace inferstep::comm {
namespace {

constexpr int kLookMs = 500;
constexpr std::size_t kAhead = 16U << 10U;  // bytes that one read may bring beyond the header

class TcpLink : public Link {
   public:
    TcpLink(const LinkEnd& end, UniqueFd fd, std::size_t largest)
        : end_(end), fd_(std::move(fd)), sender_(end, fd_.get(), largest) {}
    std::string_view transport() const override { return "tcp"; }
    const LinkCounters& counters() const override { return counters_; }

    Status send(const void* data, std::size_t bytes, void* /*stream*/) override {
        const std::int64_t start = now_ns();
        Status s = sender_.send(data, bytes);
        count(counters_, bytes, start);
        return s;
    }

    // Of a message of another length nothing is written where this one is to be.
    Status receive(void* data, std::size_t bytes, void* /*stream*/) override {
        const std::int64_t start = now_ns();
        std::uint64_t size = 0;
        Status s = take(reinterpret_cast<char*>(&size), sizeof size);
        if (s && size != bytes) {
            return wrong_length(end_, size, bytes);
        }
        s = s ? take(static_cast<char*>(data), bytes) : s;
        count(counters_, bytes, start);
        return s;
    }

   private:
    // From what was read ahead, then from the socket: the header and what follows it come with one read.
    Status take(char* to, std::size_t bytes) {
        const std::size_t step = std::min(bytes, ahead_end_ - ahead_begin_);
        std::copy_n(ahead_.data() + ahead_begin_, step, to);
        ahead_begin_ += step;
        to += step;
        bytes -= step;
        while (bytes > 0) {
            if (bytes >= kAhead / 2) {
                const Result<std::size_t> got = read_some(to, bytes);
                if (!got) {
                    return got.error();
                }
                to += *got;
                bytes -= *got;
                continue;
            }
            const Result<std::size_t> got = read_some(ahead_.data(), ahead_.size());
            if (!got) {
                return got.error();
            }
            ahead_begin_ = std::min(bytes, *got);
            ahead_end_ = *got;
            to = std::copy_n(ahead_.data(), ahead_begin_, to);
            bytes -= ahead_begin_;
        }
        return Status::ok();
    }

    Result<std::size_t> read_some(char* to, std::size_t bytes) {
        Patience patience;
        for (;;) {
            const ssize_t got = recv(fd_.get(), to, bytes, MSG_DONTWAIT);
            if (got > 0) {
                return static_cast<std::size_t>(got);
            }
            if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
                return end_.control->explain(lost(end_, got == 0 ? 0 : errno));
            }
            if (patience.spin()) {
                continue;
            }
            std::array<pollfd, 2> watched{pollfd{fd_.get(), POLLIN, 0}, pollfd{end_.control->failure_fd(), POLLIN, 0}};
            poll(watched.data(), watched.size(), kLookMs);
            if (end_.control->failed() && watched[0].revents == 0) {
                return *end_.control->failure();
            }
        }
    }

    LinkEnd end_;
    UniqueFd fd_;
    TcpSender sender_;
    std::array<char, kAhead> ahead_{};
    std::size_t ahead_begin_ = 0;
    std::size_t ahead_end_ = 0;
    LinkCounters counters_;
};

}  // namespace

// A cable that is cut in the middle of a message is found as early as a rank that is silent.
MadeLink make_tcp_link(const LinkEnd& end, const LinkOptions& options) {
    Result<UniqueFd> fd = open_stream(*end.control, end.own, end.from, end.to, StreamKind::network);
    if (!fd) {
        return fd.error();
    }
    set_for_peer(fd->get(), end.control->silence_ms());
    return std::unique_ptr<Link>(std::make_unique<TcpLink>(end, std::move(*fd), options.largest_message));
}

}  // namespace inferstep::comm
