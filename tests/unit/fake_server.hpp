// A database that says what a test tells it to: a Unix socket in a directory of its own, served by a thread.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/fd.hpp"
#include "folder.hpp"

namespace inferstep::test {

// One connection as the server sees it. A client that is slow or gone ends a wait after five seconds: tests end.
class Peer {
   public:
    explicit Peer(int fd) : fd_(fd) {}

    // Read until `bytes` have come or the client has closed; what came.
    std::string read(std::size_t bytes) const {
        std::string got;
        for (char buffer[65536]; got.size() < bytes;) {
            pollfd item{fd_, POLLIN, 0};
            const ssize_t n =
                poll(&item, 1, 5000) == 1 ? ::read(fd_, buffer, std::min(sizeof buffer, bytes - got.size())) : 0;
            if (n <= 0) {
                break;
            }
            got.append(buffer, static_cast<std::size_t>(n));
        }
        return got;
    }
    bool write(std::string_view text) const {
        return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
    }
    void answer_ping() const {
        read(std::string_view("*1\r\n$4\r\nPING\r\n").size());
        write("+PONG\r\n");
    }

   private:
    int fd_;
};

class FakeServer {
   public:
    using Script = std::function<void(const Peer&)>;

    // Connection i is served by scripts[i] and closed when that returns.
    explicit FakeServer(std::vector<Script> scripts) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof address.sun_path - 1);
        listener_.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
            listen(listener_.get(), 8) != 0) {
            std::abort();
        }
        thread_ = std::thread([this, scripts = std::move(scripts)] {
            for (const Script& script : scripts) {
                pollfd item{listener_.get(), POLLIN, 0};
                if (poll(&item, 1, 5000) != 1) {
                    return;
                }
                const UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
                script(Peer(fd.get()));
            }
        });
    }
    ~FakeServer() { thread_.join(); }
    FakeServer(const FakeServer&) = delete;
    FakeServer& operator=(const FakeServer&) = delete;

    std::string path() const { return folder_ / "s"; }
    std::string endpoint() const { return "unix://" + path(); }

   private:
    Folder folder_;
    UniqueFd listener_;
    std::thread thread_;
};

}  // namespace inferstep::test
