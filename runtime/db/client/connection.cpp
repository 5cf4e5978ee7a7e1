#include "db/client/connection.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace inferstep::client {
namespace {

using Code = ClientStatus::Code;

constexpr std::size_t kReadSize = std::size_t{256} << 10;
constexpr std::size_t kIovMax = 64;

std::string seconds_text(std::chrono::milliseconds time) {
    const auto tenths = (time.count() + 50) / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

timeval to_timeval(std::chrono::milliseconds time) {
    return {time.count() / 1000, static_cast<suseconds_t>(time.count() % 1000 * 1000)};
}

}  // namespace

ClientStatus parse_address(std::string_view text, Address& address) {
    const std::string given(text);
    ClientStatus wrong(Code::usage, "'" + given + "' is no database address: unix:///path or tcp://host:port");
    address = Address{given, {}, {}, 0};
    for (const std::string_view prefix : {"unix://", "unix:"}) {
        if (text.starts_with(prefix)) {
            address.path = text.substr(prefix.size());
            return address.path.starts_with('/') ? ClientStatus() : wrong;
        }
    }
    if (text.starts_with("tcp://")) {
        text.remove_prefix(6);
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || text.size() - colon > 6) {
        return wrong;
    }
    address.host = text.substr(0, colon);
    for (const char c : text.substr(colon + 1)) {
        if (c < '0' || c > '9') {
            return wrong;
        }
        address.port = address.port * 10 + (c - '0');
    }
    if (address.host.starts_with('[') && address.host.ends_with(']')) {
        address.host = address.host.substr(1, address.host.size() - 2);
    }
    return address.port >= 1 && address.port <= 65535 && address.host.find_first_of("/,") == std::string::npos
               ? ClientStatus()
               : wrong;
}

std::string tcp_text(std::string_view host, long long port) {
    const bool v6 = host.find(':') != std::string_view::npos;
    return "tcp://" + std::string(v6 ? "[" : "") + std::string(host) + (v6 ? "]:" : ":") + std::to_string(port);
}

// Text that follows text belongs to the piece before.
void Request::put(std::string_view text) {
    if (pieces_.empty() || pieces_.back().payload != nullptr) {
        pieces_.push_back({text_.size(), 0, nullptr});
    }
    pieces_.back().size += text.size();
    text_ += text;
}

void Request::begin(std::size_t arguments, std::string name) {
    put("*" + std::to_string(arguments) + "\r\n");
    names_.push_back(std::move(name));
}

void Request::word(std::string_view word) {
    put("$" + std::to_string(word.size()) + "\r\n");
    put(word);
    put("\r\n");
}

void Request::payload(Bytes payload) {
    put("$" + std::to_string(payload.size()) + "\r\n");
    if (!payload.empty()) {
        pieces_.push_back({0, payload.size(), payload.data()});
    }
    put("\r\n");
}

void Request::add(std::span<const std::string> words, std::span<const Bytes> payloads) {
    // What is said about a failure must not tell a password.
    begin(words.size() + payloads.size(),
          words.size() > 1 && words[0] != "AUTH" ? words[0] + " " + words[1] : words[0]);
    for (const std::string& each : words) {
        word(each);
    }
    for (const Bytes each : payloads) {
        payload(each);
    }
}

ClientStatus Connection::open(const Address& address, std::chrono::milliseconds timeout, const std::string& secret) {
    const Deadline deadline = std::chrono::steady_clock::now() + timeout;
    address_ = address.text;
    redisContext* context = address.path.empty()
                                ? redisConnectWithTimeout(address.host.c_str(), address.port, to_timeval(timeout))
                                : redisConnectUnixWithTimeout(address.path.c_str(), to_timeval(timeout));
    context_.reset(context);
    if (context == nullptr || context->err != 0) {
        ClientStatus s = broken("connect", context == nullptr ? "out of memory" : context->errstr);
        close();
        return s;
    }
    // Blocking is done with poll alone, so that every wait has a deadline; the descriptor does not outlive an exec.
    const int flags = fcntl(context->fd, F_GETFL);
    if (flags < 0 || fcntl(context->fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(context->fd, F_SETFD, FD_CLOEXEC) != 0) {
        ClientStatus s = broken("connect", std::strerror(errno));
        close();
        return s;
    }
    // Keep the parser's buffer between replies: giving back and asking anew for 600 kB costs more than filling it.
    context->reader->maxbuf = 0;
    if (buffer_ == nullptr) {
        buffer_.reset(new char[kReadSize]);
    }
    return secret.empty() ? ClientStatus() : authenticate(secret, deadline);
}

ClientStatus Connection::authenticate(const std::string& secret, Deadline deadline) {
    Request request;
    request.add(std::vector<std::string>{"AUTH", secret});
    std::vector<Reply> replies;
    if (ClientStatus s = exchange(request, deadline, replies); !s) {
        return s;
    }
    const redisReply& reply = *replies[0];
    const std::string_view said(reply.str != nullptr ? reply.str : "", reply.str != nullptr ? reply.len : 0);
    // A database behind a Unix socket needs no password, and says so when it is given one.
    if (reply.type != REDIS_REPLY_ERROR || said.find("without any password configured") != std::string_view::npos) {
        return {};
    }
    close();
    return {Code::server, "AUTH: database " + address_ + " answered: " + std::string(said) +
                              " (the password is the one of INFER_DB_SECRET_FILE, else INFER_DB_SECRET)"};
}

ClientStatus Connection::broken(const std::string& command, std::string_view why) const {
    return {Code::connection, command + ": database " + address_ + ": " + std::string(why)};
}

ClientStatus Connection::wait_for(short events, Deadline deadline, const std::string& command, short& ready) {
    for (;;) {
        // Also when there is always something to read: an answer without end is no answer.
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
        if (left <= 0) {
            return {Code::timeout, command + ": database " + address_ + " did not answer in time"};
        }
        pollfd item{context_->fd, events, 0};
        const int n = poll(&item, 1, static_cast<int>(std::min<long long>(left, 1 << 30)));
        if (n > 0) {
            ready = item.revents;
            return {};
        }
        if (n < 0 && errno != EINTR) {
            return broken(command, std::strerror(errno));
        }
    }
}

ClientStatus Connection::feed(const std::string& command, std::string_view bytes) {
    return redisReaderFeed(context_->reader, bytes.data(), bytes.size()) == REDIS_OK
               ? ClientStatus()
               : broken(command, context_->reader->errstr);
}

ClientStatus Connection::take_bytes(const std::string& command, std::span<std::byte> room, std::size_t& received) {
    const ssize_t n = recv(context_->fd, room.data(), room.size(), MSG_DONTWAIT);
    received = n > 0 ? static_cast<std::size_t>(n) : 0;
    if (n == 0) {
        return broken(command, "closed the connection");
    }
    return n > 0 || errno == EAGAIN || errno == EINTR ? ClientStatus() : broken(command, std::strerror(errno));
}

ClientStatus Connection::read_some(const std::string& command) {
    std::size_t received = 0;
    ClientStatus s = take_bytes(command, std::as_writable_bytes(std::span(buffer_.get(), kReadSize)), received);
    return s && received > 0 ? feed(command, {buffer_.get(), received}) : s;
}

ClientStatus Connection::send(const Request& request, Deadline deadline, bool& whole) {
    whole = false;
    unsent_ = false;
    bool any = false;
    std::vector<iovec> parts;
    for (const Request::Piece& piece : request.pieces()) {
        const char* data = piece.payload != nullptr ? reinterpret_cast<const char*>(piece.payload)
                                                    : request.text().data() + piece.offset;
        parts.push_back({const_cast<char*>(data), piece.size});
    }
    const std::string& command = request.name(0);
    for (std::size_t first = 0; first < parts.size();) {
        msghdr message{};
        message.msg_iov = &parts[first];
        message.msg_iovlen = std::min(parts.size() - first, kIovMax);
        ssize_t sent = sendmsg(context_->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && errno == EAGAIN) {
            // A database may answer before it has everything, and may not read on until somebody takes its answer.
            short ready = 0;
            if (ClientStatus s = wait_for(POLLOUT | POLLIN, deadline, command, ready); !s) {
                return s;
            }
            if ((ready & POLLIN) != 0 && !read_some(command)) {
                return {};
            }
            continue;
        }
        if (sent < 0) {
            unsent_ = errno == EPIPE && !any;
            return errno == EPIPE || errno == ECONNRESET ? ClientStatus() : broken(command, std::strerror(errno));
        }
        any = true;
        for (; sent > 0; ++first) {
            const std::size_t taken = std::min(parts[first].iov_len, static_cast<std::size_t>(sent));
            sent -= static_cast<ssize_t>(taken);
            parts[first].iov_base = static_cast<char*>(parts[first].iov_base) + taken;
            parts[first].iov_len -= taken;
            if (parts[first].iov_len > 0) {
                break;
            }
        }
    }
    whole = true;
    return {};
}

ClientStatus Connection::receive(Deadline deadline, const std::string& command, Reply& reply) {
    for (;;) {
        void* parsed = nullptr;
        if (redisReaderGetReply(context_->reader, &parsed) != REDIS_OK) {
            return broken(command, std::string("answered what is no RESP: ") + context_->reader->errstr);
        }
        if (parsed != nullptr) {
            reply.reset(static_cast<redisReply*>(parsed));
            return {};
        }
        short ready = 0;
        if (ClientStatus s = wait_for(POLLIN, deadline, command, ready); !s) {
            return s;
        }
        if (ClientStatus s = read_some(command); !s) {
            return s;
        }
    }
}

ClientStatus Connection::exchange(const Request& request, Deadline deadline, std::vector<Reply>& replies,
                                  TensorRoom* tensor) {
    const auto begun = std::chrono::steady_clock::now();
    bool whole = false;
    ClientStatus status = send(request, deadline, whole);
    // One that refuses a command closes the connection after an error reply: its words are worth having.
    for (std::size_t i = 0; status && i < request.commands(); ++i) {
        replies.emplace_back();
        const bool direct = tensor != nullptr && i + 1 == request.commands();
        status = direct ? receive_tensor(deadline, request.name(i), *tensor, replies.back())
                        : receive(deadline, request.name(i), replies.back());
        if (!status) {
            replies.pop_back();
        }
    }
    if (!status || !whole) {
        close();
    }
    if (status.code() == Code::timeout) {
        const auto waited = std::chrono::steady_clock::now() - begun;
        return {Code::timeout, status.message() + " (" +
                                   seconds_text(std::chrono::duration_cast<std::chrono::milliseconds>(waited)) + ")"};
    }
    return status;
}

}  // namespace inferstep::client
