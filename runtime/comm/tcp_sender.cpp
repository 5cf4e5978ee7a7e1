#include "comm/tcp_sender.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "comm/link_wait.hpp"
#include "core/quiet_thread.hpp"

namespace inferstep::comm {
namespace {

constexpr int kLookMs = 500;
constexpr std::chrono::seconds kLinger(5);  // for what was sent before the link is closed

std::string_view rest_of(std::string_view part, std::size_t& moved) {
    const std::size_t step = std::min(moved, part.size());
    moved -= step;
    return part.substr(step);
}

}  // namespace

TcpSender::~TcpSender() {
    {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, kLinger, [this] { return outstanding_ == 0 || error_.has_value(); });
        stop_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

Status TcpSender::send(const void* data, std::size_t bytes) {
    const std::uint64_t size = bytes;
    std::string_view header(reinterpret_cast<const char*>(&size), sizeof size);
    std::string_view rest(static_cast<const char*>(data), bytes);
    {
        std::unique_lock lock(mutex_);  // free but for the time in which the thread has something
        changed_.wait(lock, [&] {
            return error_.has_value() || outstanding_ == 0 || outstanding_ + header.size() + rest.size() <= capacity_;
        });
        if (error_) {
            return *error_;
        }
        if (outstanding_ > 0) {
            keep(header, rest);
            return Status::ok();
        }
    }
    for (;;) {
        if (Status s = send_now(header, rest); !s) {
            return s;
        }
        if (header.empty() && rest.empty()) {
            return Status::ok();
        }
        if (header.size() + rest.size() <= capacity_) {
            const std::lock_guard lock(mutex_);
            keep(header, rest);
            return Status::ok();
        }
        if (Status s = wait_writable(); !s) {  // longer than was said: the other end must help
            return s;
        }
    }
}

Status TcpSender::send_now(std::string_view& header, std::string_view& data) {
    Patience patience;
    while (!header.empty() || !data.empty()) {
        std::array<iovec, 2> parts{iovec{const_cast<char*>(header.data()), header.size()},
                                   iovec{const_cast<char*>(data.data()), data.size()}};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        const ssize_t sent = sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0) {
            auto moved = static_cast<std::size_t>(sent);
            header = rest_of(header, moved);
            data = rest_of(data, moved);
            patience = Patience();
        } else if (errno != EAGAIN && errno != EINTR) {
            return end_.control->explain(lost(end_, errno));
        } else if (!patience.spin()) {
            return Status::ok();
        }
    }
    return Status::ok();
}

Status TcpSender::wait_writable() {
    std::array<pollfd, 2> watched{pollfd{fd_, POLLOUT, 0}, pollfd{end_.control->failure_fd(), POLLIN, 0}};
    poll(watched.data(), watched.size(), kLookMs);
    return end_.control->failed() ? Status(*end_.control->failure()) : Status::ok();
}

void TcpSender::keep(std::string_view header, std::string_view data) {
    kept_.append(header).append(data);
    outstanding_ += header.size() + data.size();
    if (!thread_.joinable()) {
        thread_ = quiet_thread([this] { hand_on(); });
    }
    changed_.notify_all();
}

void TcpSender::hand_on() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stop_ || !kept_.empty(); });
        if (stop_) {
            return;
        }
        if (const Status s = drain(lock); !s) {
            error_ = s.error();
            changed_.notify_all();
            return;
        }
    }
}

// While it writes or waits the lock is free; what it has taken still counts as outstanding.
Status TcpSender::drain(std::unique_lock<std::mutex>& lock) {
    std::string taken;
    taken.swap(kept_);
    lock.unlock();
    std::string_view none;
    std::string_view rest = taken;
    Status s = Status::ok();
    while (s && !rest.empty() && !stop_) {
        s = send_now(none, rest);
        s = s && !rest.empty() ? wait_writable() : s;
    }
    lock.lock();
    outstanding_ -= taken.size();
    changed_.notify_all();
    return s;
}

}  // namespace inferstep::comm
