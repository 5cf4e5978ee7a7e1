#include "comm/control.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "comm/address.hpp"
#include "core/clock.hpp"
#include "core/quiet_thread.hpp"
#include "core/wait.hpp"

namespace inferstep::comm {
namespace {

constexpr std::uint64_t kWake = ~std::uint64_t{0};
constexpr int kBeatsInSilence = 8;  // sent in the time after which a silent rank is given up
constexpr std::int64_t kLongestBeatMs = 2000;
constexpr int kFarewellMs = 2000;
constexpr std::size_t kLargestFrame = 0xffffffffU;  // what a length can say

}  // namespace

Control::Control(int rank, Meeting meeting, const WorldOptions& options)
    : rank_(rank),
      peers_(std::move(meeting.peers)),
      addresses_(std::move(meeting.addresses)),
      silence_ms_(std::max<std::int64_t>(static_cast<std::int64_t>(options.silence_timeout_s * 1000), 100)),
      pieces_(peers_.size()) {
    for (Connection& connection : meeting.connections) {
        Member member;
        member.connection = std::move(connection);
        member.connection.in.set_limit(kLargestFrame);
        member.heard_ms = now_ms();
        member.gone = !member.connection.fd;
        members_.push_back(std::move(member));
    }
}

Status Control::start() {
    epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
    wake_event_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    failure_event_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!epoll_ || !wake_event_ || !failure_event_) {
        return fail("rank {} cannot watch its connections: {}", rank_, std::strerror(errno));
    }
    epoll_event event{EPOLLIN, {.u64 = kWake}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_event_.get(), &event);
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const int fd = members_[i].connection.fd.get();
        event = {EPOLLIN | EPOLLRDHUP, {.u64 = i}};
        if (members_[i].gone) {
            continue;
        }
        if (!peer_address(fd).host().empty()) {
            set_for_peer(fd, silence_ms_);
        }
        if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
            return fail("rank {} cannot watch its connections: {}", rank_, std::strerror(errno));
        }
    }
    last_tick_ms_ = now_ms();
    thread_ = quiet_thread([this] { serve(); });
    return Status::ok();
}

Control::~Control() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
        for (Member& member : members_) {
            if (!left_ && !member.gone) {
                queue(member, Kind::bye, {});
            }
        }
    }
    if (thread_.joinable()) {
        wake();
        thread_.join();
    }
    take_leave();
}

// A connection that is closed while something in it is unread may lose what was sent last on its way: so both sides end
// it first.
void Control::take_leave() {
    const std::int64_t end = now_ms() + kFarewellMs;
    for (Member& member : members_) {
        const int fd = member.connection.fd.get();
        if (!member.gone && send_whole(fd, std::string_view(member.out).substr(member.sent), end)) {
            shutdown(fd, SHUT_WR);
        }
    }
    for (Member& member : members_) {
        while (!member.gone && now_ms() < end) {
            const int left = static_cast<int>(std::max<std::int64_t>(end - now_ms(), 0));
            wait_events(member.connection.fd.get(), POLLIN, left);
            FrameReader rest(kStrangerLimit);
            member.gone = !rest.fill(member.connection.fd.get());
        }
    }
}

void Control::wake() const { eventfd_write(wake_event_.get(), 1); }

std::string Control::name_of(int rank) const {
    const Peer& peer = peers_[static_cast<std::size_t>(rank)];
    return fmt::format("rank {} on node {} (process {})", rank, peer.node, peer.pid);
}

void Control::queue(Member& member, Kind kind, std::string_view body) {
    if (member.gone) {
        return;
    }
    member.out += framed(kind, body);
    flush(member);
}

void Control::flush(Member& member) {
    const int fd = member.connection.fd.get();
    while (member.sent < member.out.size()) {
        const ssize_t done =
            send(fd, member.out.data() + member.sent, member.out.size() - member.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            break;  // full; or broken, which reading finds as well
        }
        member.sent += static_cast<std::size_t>(done);
    }
    const bool rest = member.sent < member.out.size();
    if (!rest) {
        member.out.clear();
        member.sent = 0;
    }
    if (rest != member.watched_out) {
        member.watched_out = rest;
        const auto index = static_cast<std::uint64_t>(&member - members_.data());
        epoll_event event{EPOLLIN | EPOLLRDHUP | (rest ? EPOLLOUT : 0U), {.u64 = index}};
        epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
    }
}

void Control::fail_with(Error error) {
    if (failure_) {
        return;
    }
    failure_ = std::move(error);
    failed_.store(true, std::memory_order_release);
    eventfd_write(failure_event_.get(), 1);
    changed_.notify_all();
    if (rank_ == 0) {
        const std::string body = BodyWriter().text(failure_->message).text(failure_->hint).body();
        for (Member& member : members_) {
            queue(member, Kind::failure, body);
        }
    }
}

// The connection to it is at its end.
void Control::lose(int index) {
    Member& member = members_[static_cast<std::size_t>(index)];
    member.gone = true;
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, member.connection.fd.get(), nullptr);
    member.connection.fd.reset();
    if (!left_) {
        fail_with(fail("{} died", name_of(rank_of(index))));
    }
}

void Control::read(int index) {
    Member& member = members_[static_cast<std::size_t>(index)];
    const bool open = member.connection.in.fill(member.connection.fd.get());
    member.heard_ms = now_ms();
    while (const std::optional<Frame> frame = member.connection.in.next()) {
        take(rank_of(index), *frame);
    }
    if (member.connection.in.bad()) {
        fail_with(fail("{} sends what is none of our messages", name_of(rank_of(index))));
        lose(index);
    } else if (!open) {
        lose(index);
    }
}

void Control::take(int from, const Frame& frame) {
    BodyReader in(frame.body);
    switch (frame.kind) {
        case Kind::beat:
            break;
        case Kind::gather:
            take_piece(from, frame);
            break;
        case Kind::gathered:
            take_all(frame);
            break;
        case Kind::mail:
            take_letter(from, frame);
            break;
        case Kind::abort: {
            const std::string message = in.text();
            fail_with(with_hint(fail("{} gave up: {}", name_of(from), message), in.text()));
            break;
        }
        case Kind::failure: {
            std::string message = in.text();
            fail_with(Error{std::move(message), in.text()});
            break;
        }
        case Kind::bye:
            if (!left_) {
                fail_with(fail("{} ended before the others", name_of(from)));
            }
            break;
        default:
            fail_with(fail("{} sends a message of unknown kind {}", name_of(from), static_cast<int>(frame.kind)));
    }
}

void Control::tick(std::int64_t now) {
    const std::int64_t beat = std::min(silence_ms_ / kBeatsInSilence, kLongestBeatMs);
    const std::int64_t asleep = now - last_tick_ms_ - beat;
    last_tick_ms_ = now;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        Member& member = members_[i];
        // If it was us who did not run, the others had no chance to be heard.
        member.heard_ms += asleep > beat ? asleep : 0;
        if (!member.gone && !left_ && now - member.heard_ms > silence_ms_) {
            fail_with(fail("{} is silent since {:.0f} s", name_of(rank_of(static_cast<int>(i))),
                           static_cast<double>(now - member.heard_ms) / 1000));
        }
    }
    if (now - last_beat_ms_ >= beat) {
        last_beat_ms_ = now;
        for (Member& member : members_) {
            if (member.out.size() - member.sent < kStrangerLimit) {  // else it has enough to take
                queue(member, Kind::beat, {});
            }
        }
    }
}

void Control::serve() {
    std::array<epoll_event, 64> events{};
    const int beat = static_cast<int>(std::min(silence_ms_ / kBeatsInSilence, kLongestBeatMs));
    for (;;) {
        const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), beat);
        const std::lock_guard lock(mutex_);
        if (stop_) {
            return;
        }
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            if (event.data.u64 == kWake) {
                continue;
            }
            Member& member = members_[event.data.u64];
            if (!member.gone && (event.events & EPOLLOUT) != 0) {
                flush(member);
            }
            if (!member.gone && (event.events & ~static_cast<unsigned>(EPOLLOUT)) != 0) {
                read(static_cast<int>(event.data.u64));
            }
        }
        tick(now_ms());
    }
}

}  // namespace inferstep::comm
