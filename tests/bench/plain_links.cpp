// What a link is measured by: two processes of this machine that hand a message to and fro with nothing around it.
//
//     plain_links shm BYTES ROUNDS      a line "MICROSECONDS": one way by copies into and out of shared memory,
//     spinning plain_links tcp BYTES ROUNDS      one way over a TCP socket of the loopback, spinning plain_links memcpy
//     BYTES ROUNDS   one copy of so many bytes
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/clock.hpp"

namespace inferstep {
namespace {

void must(bool good, const char* what) {
    if (!good) {
        std::perror(what);
        std::exit(1);
    }
}

class Memory {
   public:
    explicit Memory(std::size_t bytes) : bytes_(bytes) {
        void* at = mmap(nullptr, sizeof(Turn) + bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        must(at != MAP_FAILED, "mmap");
        turn_ = static_cast<Turn*>(at);
    }
    void give(const char* data, bool first) {
        std::memcpy(bytes(), data, bytes_);
        turn_->whose.store(first ? 1 : 0, std::memory_order_release);
    }
    void take(char* data, bool first) {
        while (turn_->whose.load(std::memory_order_acquire) != (first ? 0 : 1)) {
            __builtin_ia32_pause();
        }
        std::memcpy(data, bytes(), bytes_);
    }

   private:
    struct alignas(64) Turn {
        std::atomic<int> whose{0};
    };
    char* bytes() { return reinterpret_cast<char*>(turn_ + 1); }
    Turn* turn_ = nullptr;
    std::size_t bytes_;
};

class Socket {
   public:
    explicit Socket(std::size_t bytes) : bytes_(bytes) {
        listener_ = socket(AF_INET, SOCK_STREAM, 0);
        address_.sin_family = AF_INET;
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address_;
        must(bind(listener_, where(), size) == 0 && listen(listener_, 1) == 0, "listen");
        getsockname(listener_, where(), &size);
    }
    void open(bool first) {
        fd_ = first ? accept(listener_, nullptr, nullptr) : socket(AF_INET, SOCK_STREAM, 0);
        must(first || connect(fd_, where(), sizeof address_) == 0, "connect");
        const int on = 1;
        setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    void give(const char* data, bool /*first*/) {
        for (std::size_t done = 0; done < bytes_;) {
            const ssize_t sent = send(fd_, data + done, bytes_ - done, MSG_DONTWAIT);
            done += sent > 0 ? static_cast<std::size_t>(sent) : 0;
        }
    }
    void take(char* data, bool /*first*/) {
        for (std::size_t done = 0; done < bytes_;) {
            const ssize_t got = recv(fd_, data + done, bytes_ - done, MSG_DONTWAIT);
            must(got != 0, "recv");
            done += got > 0 ? static_cast<std::size_t>(got) : 0;
        }
    }

   private:
    sockaddr* where() { return reinterpret_cast<sockaddr*>(&address_); }
    sockaddr_in address_{};
    int listener_ = -1;
    int fd_ = -1;
    std::size_t bytes_;
};

template <typename Way>
double one_way(Way& way, std::size_t bytes, int rounds, bool first) {
    std::vector<char> data(bytes, 1);
    std::int64_t start = now_ns();
    for (int i = -rounds / 10 - 1; i < rounds; ++i) {
        start = i == 0 ? now_ns() : start;
        first ? way.give(data.data(), first) : way.take(data.data(), first);
        first ? way.take(data.data(), first) : way.give(data.data(), first);
    }
    return seconds_since(start) * 1e6 / rounds / 2;
}

double copies(std::size_t bytes, int rounds) {
    std::vector<char> from(bytes, 1);
    std::vector<char> to(bytes, 2);
    std::int64_t start = now_ns();
    for (int i = -2; i < rounds; ++i) {
        start = i == 0 ? now_ns() : start;
        std::memcpy(to.data(), from.data(), bytes);
        asm volatile("" : : "r"(to.data()) : "memory");
    }
    return seconds_since(start) * 1e6 / rounds;
}

double measure(const std::string& what, std::size_t bytes, int rounds) {
    if (what == "memcpy") {
        return copies(bytes, rounds);
    }
    Memory memory(bytes);
    Socket wire(bytes);
    const pid_t child = fork();
    const bool first = child != 0;
    wire.open(first);
    const double us = what == "shm" ? one_way(memory, bytes, rounds, first) : one_way(wire, bytes, rounds, first);
    if (!first) {
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    return us;
}

}  // namespace
}  // namespace inferstep

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: plain_links shm|tcp|memcpy BYTES ROUNDS\n");
        return 2;
    }
    std::printf("%.3f\n", inferstep::measure(argv[1], std::strtoul(argv[2], nullptr, 10), std::atoi(argv[3])));
    return 0;
}
