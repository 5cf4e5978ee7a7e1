#include "db/client/arena_segment.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/clock.hpp"

namespace inferstep::client {
namespace {

using Code = ClientStatus::Code;

ClientStatus no_arena(const std::string& why) { return {Code::connection, "no shared memory: " + why}; }

ClientStatus connect_to(const std::string& path, std::chrono::milliseconds timeout, UniqueFd& fd) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        return no_arena("'" + path + "' is no socket");
    }
    path.copy(address.sun_path, path.size());
    fd.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{timeout.count() / 1000, static_cast<suseconds_t>(timeout.count() % 1000 * 1000)};
    ucred peer{};
    socklen_t length = sizeof peer;
    if (!fd || setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
        connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
        return no_arena(std::strerror(errno));
    }
    return peer.uid == geteuid() ? ClientStatus() : no_arena("another user listens at " + path);
}

ClientStatus receive(int fd, ArenaWelcome& welcome, UniqueFd& file) {
    iovec part{&welcome, sizeof welcome};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t n = 0;
    while ((n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL)) < 0 && errno == EINTR) {
    }
    const cmsghdr* head = n < 0 ? nullptr : CMSG_FIRSTHDR(&message);
    if (head != nullptr && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int))) {
        int received = -1;
        std::memcpy(&received, CMSG_DATA(head), sizeof received);
        file.reset(received);
    }
    if (n != sizeof welcome || welcome.magic != kArenaMagic || welcome.version != kArenaVersion) {
        return no_arena("the database gave no answer");
    }
    if (welcome.bytes == 0) {
        return no_arena({welcome.refusal, strnlen(welcome.refusal, sizeof welcome.refusal)});
    }
    struct stat st {};
    const int seals = fcntl(file.get(), F_GET_SEALS);
    const bool sound = file && fstat(file.get(), &st) == 0 && seals >= 0 && (seals & F_SEAL_SHRINK) != 0 &&
                       welcome.bytes <= static_cast<std::uint64_t>(st.st_size) &&
                       static_cast<std::uint64_t>(st.st_size) == kArenaData + welcome.bytes;
    return sound ? ClientStatus() : no_arena("what the database sent is none");
}

}  // namespace

std::optional<std::uint64_t> ArenaRanges::take(std::uint64_t bytes) {
    bytes = rounded(bytes);
    const auto found = std::find_if(free_.begin(), free_.end(), [bytes](const auto& f) { return f.second >= bytes; });
    if (found == free_.end()) {
        return std::nullopt;
    }
    const auto [offset, room] = *found;
    free_.erase(found);
    if (room > bytes) {
        free_.emplace(offset + bytes, room - bytes);
    }
    return offset;
}

void ArenaRanges::give(std::uint64_t offset, std::uint64_t bytes) {
    bytes = rounded(bytes);
    const auto after = free_.lower_bound(offset);
    if (after != free_.end() && after->first == offset + bytes) {
        bytes += after->second;
        free_.erase(after);
    }
    auto before = free_.lower_bound(offset);
    if (before != free_.begin() && std::prev(before)->first + std::prev(before)->second == offset) {
        std::prev(before)->second += bytes;
    } else {
        free_.emplace(offset, bytes);
    }
}

ClientStatus ArenaSegment::open(const std::string& path, std::uint64_t least, std::uint64_t wish,
                                std::chrono::milliseconds timeout, std::shared_ptr<ArenaSegment>& segment) {
    UniqueFd socket;
    if (ClientStatus s = connect_to(path, timeout, socket); !s) {
        return s;
    }
    const ArenaHello hello{kArenaMagic, kArenaVersion, least, wish, now_ns()};
    if (send(socket.get(), &hello, sizeof hello, MSG_NOSIGNAL) != static_cast<ssize_t>(sizeof hello)) {
        return no_arena(std::strerror(errno));
    }
    ArenaWelcome welcome{};
    UniqueFd file;
    if (ClientStatus s = receive(socket.get(), welcome, file); !s) {
        return s;
    }
    void* p = mmap(nullptr, kArenaData + welcome.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (p == MAP_FAILED) {
        return no_arena(std::strerror(errno));
    }
    segment.reset(new ArenaSegment(std::move(socket), static_cast<ArenaHead*>(p), welcome));
    return {};
}

ArenaSegment::ArenaSegment(UniqueFd socket, ArenaHead* head, const ArenaWelcome& welcome)
    : socket_(std::move(socket)),
      head_(head),
      data_bytes_(welcome.bytes),
      token_(welcome.token),
      ranges_(welcome.bytes / kArenaAlign * kArenaAlign) {
    for (std::uint32_t slot = kArenaSlots; slot-- > 0;) {
        free_slots_.push_back(slot);
    }
}

ArenaSegment::~ArenaSegment() { munmap(head_, kArenaData + data_bytes_); }

std::optional<ArenaBlock> ArenaSegment::take(std::uint64_t bytes) {
    if (free_slots_.empty() || bytes > data_bytes_) {
        return std::nullopt;
    }
    const auto offset = ranges_.take(bytes);
    if (!offset) {
        return std::nullopt;
    }
    const ArenaBlock block{free_slots_.back(), *offset, bytes};
    free_slots_.pop_back();
    return block;
}

void ArenaSegment::give(const ArenaBlock& block) {
    ranges_.give(block.offset, block.bytes);
    free_slots_.push_back(block.slot);
}

void ArenaSegment::reclaim(std::size_t most) {
    for (most = std::min(most, handed_over_.size()); most > 0; --most) {
        look_ = look_ < handed_over_.size() ? look_ : 0;
        ArenaBlock& block = handed_over_[look_];
        if (head_->slots[block.slot].load(std::memory_order_acquire) == static_cast<std::uint32_t>(ArenaSlot::taken)) {
            ++look_;
            continue;
        }
        give(block);
        block = handed_over_.back();
        handed_over_.pop_back();
    }
}

bool ArenaSegment::can_say(const TensorIn& tensor) {
    return !tensor.key.empty() && tensor.key.size() <= kArenaKey && tensor.shape.size() <= kArenaRank &&
           !tensor.shape.empty() && tensor.type <= TensorType::uint16;
}

void ArenaSegment::publish(const ArenaBlock& block, const TensorIn& tensor, std::uint64_t bytes) {
    handed_over_.push_back(block);
    head_->slots[block.slot].store(static_cast<std::uint32_t>(ArenaSlot::taken), std::memory_order_relaxed);
    ArenaMessage& message = head_->ring[published_ % kArenaRing];
    message.stamp = now_ns();
    message.offset = block.offset;
    message.bytes = bytes;
    std::copy(tensor.shape.begin(), tensor.shape.end(), message.shape);
    message.slot = block.slot;
    message.key_bytes = static_cast<std::uint16_t>(tensor.key.size());
    message.type = static_cast<std::uint8_t>(tensor.type);
    message.rank = static_cast<std::uint8_t>(tensor.shape.size());
    tensor.key.copy(message.key, tensor.key.size());
    head_->published.store(++published_, std::memory_order_release);
}

std::string ArenaSegment::problem() {
    const std::uint32_t errors = head_->errors.load(std::memory_order_acquire);
    if (errors == errors_) {
        return {};
    }
    std::string text(head_->error, strnlen(head_->error, sizeof head_->error));
    if (const std::uint32_t more = errors - errors_ - 1; more > 0) {
        text += " (and " + std::to_string(more) + " more)";
    }
    errors_ = errors;
    head_->errors_seen.store(errors, std::memory_order_release);
    return text;
}

}  // namespace inferstep::client
