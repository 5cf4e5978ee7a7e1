// A link over TCP: a header of 8 bytes and the message; spinning first, then sleeping.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "comm/link_make.hpp"
#include "comm/link_wait.hpp"
#include "comm/stream.hpp"
#include "core/clock.hpp"

namespace inferstep::comm {
namespace {

constexpr int kLookMs = 500;

class TcpLink : public Link {
   public:
    TcpLink(const LinkEnd& end, UniqueFd fd) : end_(end), fd_(std::move(fd)) {}
    std::string_view transport() const override { return "tcp"; }
    const LinkCounters& counters() const override { return counters_; }

    Status send(const void* data, std::size_t bytes, void* /*stream*/) override {
        const std::int64_t start = now_ns();
        const std::uint64_t header = bytes;
        std::array<iovec, 2> parts{iovec{const_cast<std::uint64_t*>(&header), sizeof header},
                                   iovec{const_cast<void*>(data), bytes}};
        const Status s = move_all(parts, POLLOUT);
        count(counters_, bytes, start);
        return s;
    }

    Status receive(void* data, std::size_t bytes, void* /*stream*/) override {
        const std::int64_t start = now_ns();
        std::uint64_t header = 0;
        // Of a message of another length nothing is written where this one is to be.
        std::array<iovec, 2> first{iovec{&header, sizeof header}, iovec{nullptr, 0}};
        if (Status s = move_all(first, POLLIN); !s) {
            return s;
        }
        if (header != bytes) {
            return wrong_length(end_, header, bytes);
        }
        std::array<iovec, 2> rest{iovec{data, bytes}, iovec{nullptr, 0}};
        const Status s = move_all(rest, POLLIN);
        count(counters_, bytes, start);
        return s;
    }

   private:
    Status move_all(std::array<iovec, 2>& parts, short event) {
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        Patience patience;
        while (parts[0].iov_len + parts[1].iov_len > 0) {
            const ssize_t moved = event == POLLOUT ? sendmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL)
                                                   : recvmsg(fd_.get(), &message, MSG_DONTWAIT);
            if (moved > 0) {
                advance(parts, static_cast<std::size_t>(moved));
                patience = Patience();
                continue;
            }
            if (moved == 0 || (errno != EAGAIN && errno != EINTR)) {
                return end_.control->explain(lost(end_, moved == 0 ? 0 : errno));
            }
            if (patience.spin()) {
                continue;
            }
            std::array<pollfd, 2> watched{pollfd{fd_.get(), event, 0}, pollfd{end_.control->failure_fd(), POLLIN, 0}};
            poll(watched.data(), watched.size(), kLookMs);
            if (end_.control->failed() && watched[0].revents == 0) {
                return *end_.control->failure();
            }
        }
        return Status::ok();
    }

    static void advance(std::array<iovec, 2>& parts, std::size_t moved) {
        for (iovec& part : parts) {
            const std::size_t step = std::min(moved, part.iov_len);
            part.iov_base = static_cast<char*>(part.iov_base) + step;
            part.iov_len -= step;
            moved -= step;
        }
    }

    LinkEnd end_;
    UniqueFd fd_;
    LinkCounters counters_;
};

}  // namespace

MadeLink make_tcp_link(const LinkEnd& end, const LinkOptions& /*options*/) {
    Result<UniqueFd> fd = open_stream(*end.control, end.own, end.from, end.to, StreamKind::network);
    if (!fd) {
        return fd.error();
    }
    const int on = 1;
    setsockopt(fd->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return std::unique_ptr<Link>(std::make_unique<TcpLink>(end, std::move(*fd)));
}

}  // namespace inferstep::comm
