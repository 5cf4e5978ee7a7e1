// A link through memory that two processes of one machine share: a ring of bytes with one writer and one reader.
//
// The memory has no name: it is handed over on a Unix socket, which afterwards only tells that the other end is gone.
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>

#include "comm/link_make.hpp"
#include "comm/link_wait.hpp"
#include "comm/stream.hpp"
#include "core/clock.hpp"
#include "core/wait.hpp"

namespace inferstep::comm {
namespace {

constexpr std::size_t kSmallestRing = 1U << 20U;
constexpr std::size_t kLargestRing = 1U << 30U;
constexpr std::size_t kPiece = 128U << 10U;  // told to the other end at a time, so that both copy at once
constexpr std::int64_t kLookNs = 100'000'000;
constexpr int kHandOverMs = 10'000;

// Sequentially consistent all: who tells sees that the other sleeps, or the other sees what it is told before it
// sleeps.
struct Ring {
    alignas(64) std::atomic<std::uint64_t> written{0};  // bytes, ever
    std::atomic<std::uint64_t> base{0};                 // which of them lies at the front of the ring
    alignas(64) std::atomic<std::uint64_t> read{0};
    alignas(64) std::atomic<std::uint32_t> reader_sleeps{0};
    alignas(64) std::atomic<std::uint32_t> writer_sleeps{0};
    alignas(64) char bytes[64];  // and more: as many as the ring has
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

constexpr std::size_t kRingHeader = offsetof(Ring, bytes);

std::size_t ring_size(std::size_t largest_message) {
    std::size_t size = kSmallestRing;
    while (size < kLargestRing && size < largest_message + kPiece) {
        size *= 2;
    }
    return size;
}

void wake(std::atomic<std::uint32_t>& sleeps) {
    if (sleeps.load() != 0 && sleeps.exchange(0) != 0) {
        syscall(SYS_futex, &sleeps, FUTEX_WAKE, 1, nullptr, nullptr, 0);
    }
}

class Memory {
   public:
    Memory(void* at, std::size_t size) : at_(at), size_(size) {}
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() { munmap(at_, size_); }
    Ring& ring() const { return *static_cast<Ring*>(at_); }

   private:
    void* at_;
    std::size_t size_;
};

class ShmLink : public Link {
   public:
    ShmLink(const LinkEnd& end, UniqueFd socket, std::unique_ptr<Memory> memory, std::size_t size)
        : end_(end), socket_(std::move(socket)), memory_(std::move(memory)), ring_(memory_->ring()), size_(size) {}
    std::string_view transport() const override { return "shm"; }
    const LinkCounters& counters() const override { return counters_; }

    Status send(const void* data, std::size_t bytes, void* /*stream*/) override {
        const std::int64_t start = now_ns();
        const std::uint64_t header = bytes;
        if (position_ != base_ && ring_.read.load() == position_) {
            // All is read: go on at the front, where the caches still have the memory.
            base_ = position_;
            ring_.base.store(base_);
        }
        Status s = put(&header, sizeof header, bytes == 0);
        s = s && bytes > 0 ? put(data, bytes, true) : s;
        count(counters_, bytes, start);
        return s;
    }

    Status receive(void* data, std::size_t bytes, void* /*stream*/) override {
        const std::int64_t start = now_ns();
        std::uint64_t header = 0;
        Status s = get(&header, sizeof header);
        if (s && header != bytes) {
            return wrong_length(end_, header, bytes);
        }
        s = s && bytes > 0 ? get(data, bytes) : s;
        count(counters_, bytes, start);
        return s;
    }

   private:
    // The header alone is not told: it goes with the first bytes.
    Status put(const void* data, std::size_t bytes, bool tell) {
        const char* from = static_cast<const char*>(data);
        while (bytes > 0) {
            std::uint64_t space = size_ - (position_ - ring_.read.load());
            if (space == 0) {
                publish();
                Status s = sleep_until([&] { return position_ - ring_.read.load() < size_; }, ring_.writer_sleeps);
                if (!s) {
                    return s;
                }
                space = size_ - (position_ - ring_.read.load());
            }
            const std::size_t offset = (position_ - base_) & (size_ - 1);
            const std::size_t step = std::min({bytes, static_cast<std::size_t>(space), size_ - offset, kPiece});
            std::memcpy(ring_.bytes + offset, from, step);
            from += step;
            bytes -= step;
            position_ += step;
            if (tell) {
                publish();
            }
        }
        return Status::ok();
    }

    void publish() {
        ring_.written.store(position_);
        wake(ring_.reader_sleeps);
    }

    Status get(void* data, std::size_t bytes) {
        char* to = static_cast<char*>(data);
        while (bytes > 0) {
            if (seen_ == position_) {
                Status s = sleep_until([&] { return ring_.written.load() != position_; }, ring_.reader_sleeps);
                if (!s) {
                    return s;
                }
                seen_ = ring_.written.load();
                base_ = ring_.base.load();  // is not changed before all of this is read
            }
            const std::size_t offset = (position_ - base_) & (size_ - 1);
            const std::size_t step =
                std::min({bytes, static_cast<std::size_t>(seen_ - position_), size_ - offset, kPiece});
            std::memcpy(to, ring_.bytes + offset, step);
            to += step;
            bytes -= step;
            position_ += step;
            ring_.read.store(position_);
            wake(ring_.writer_sleeps);
        }
        return Status::ok();
    }

    template <typename Ready>
    Status sleep_until(const Ready& ready, std::atomic<std::uint32_t>& sleeps) {
        Patience patience;
        while (!ready()) {
            if (patience.spin()) {
                continue;
            }
            sleeps.store(1);
            if (ready()) {
                break;
            }
            const timespec limit{0, kLookNs};
            syscall(SYS_futex, &sleeps, FUTEX_WAIT, 1, &limit, nullptr, 0);
            if (!ready()) {
                if (Status s = check_other_end(ready); !s) {
                    return s;
                }
            }
        }
        sleeps.store(0, std::memory_order_relaxed);
        return Status::ok();
    }

    template <typename Ready>
    Status check_other_end(const Ready& ready) {
        if (end_.control->failed()) {
            return *end_.control->failure();
        }
        char byte = 0;
        const ssize_t got = recv(socket_.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK);
        if ((got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) && !ready()) {
            return end_.control->explain(lost(end_, got < 0 ? errno : 0));
        }
        return Status::ok();
    }

    LinkEnd end_;
    UniqueFd socket_;
    std::unique_ptr<Memory> memory_;
    Ring& ring_;
    std::size_t size_;
    std::uint64_t position_ = 0;  // of this end
    std::uint64_t base_ = 0;
    std::uint64_t seen_ = 0;  // by the reader: so much is written
    LinkCounters counters_;
};

// A message of one byte with room for one descriptor.
struct Parcel {
    explicit Parcel(char with) : byte(with) {
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = space.data();
        message.msg_controllen = space.size();
    }
    Parcel(const Parcel&) = delete;
    Parcel& operator=(const Parcel&) = delete;

    char byte;
    iovec part{&byte, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
    msghdr message{};
};

bool pass_fd(int socket, int fd) {
    Parcel parcel('+');
    cmsghdr* header = CMSG_FIRSTHDR(&parcel.message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return sendmsg(socket, &parcel.message, MSG_NOSIGNAL) == 1;
}

UniqueFd passed_fd(int socket) {
    Parcel parcel(0);
    wait_events(socket, POLLIN, kHandOverMs);
    int fd = -1;
    if (recvmsg(socket, &parcel.message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) == 1) {
        const cmsghdr* header = CMSG_FIRSTHDR(&parcel.message);
        if (header != nullptr && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int))) {
            std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
        }
    }
    return UniqueFd(fd);
}

}  // namespace

MadeLink make_shm_link(const LinkEnd& end, const LinkOptions& options) {
    Result<UniqueFd> socket = open_stream(*end.control, end.own, end.from, end.to, StreamKind::machine);
    if (!socket) {
        return socket.error();
    }
    const std::size_t size = ring_size(options.largest_message);
    const std::size_t whole = kRingHeader + size;
    UniqueFd file;
    if (end.sends()) {
        file.reset(memfd_create("inferstep-link", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        if (!file || ftruncate(file.get(), static_cast<off_t>(whole)) != 0 ||
            fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0 || !pass_fd(socket->get(), file.get())) {
            return fail("no shared memory of {} bytes: {}", whole, std::strerror(errno));
        }
    } else {
        file = passed_fd(socket->get());
    }
    struct stat st {};
    if (!file || fstat(file.get(), &st) != 0 || st.st_size != static_cast<off_t>(whole)) {
        return fail("the other end hands over no memory of {} bytes", whole);
    }
    void* at = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (at == MAP_FAILED) {
        return fail("no shared memory of {} bytes: {}", whole, std::strerror(errno));
    }
    auto memory = std::make_unique<Memory>(at, whole);
    return std::unique_ptr<Link>(std::make_unique<ShmLink>(end, std::move(*socket), std::move(memory), size));
}

}  // namespace inferstep::comm
