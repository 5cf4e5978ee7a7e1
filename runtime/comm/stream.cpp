#include "comm/stream.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "comm/address.hpp"
#include "core/clock.hpp"
#include "core/file.hpp"
#include "core/wait.hpp"

namespace inferstep::comm {
namespace {

constexpr int kOpenMs = 20'000;
constexpr int kWordMs = 2000;  // for a caller to say its word
constexpr std::size_t kWord = 32;
constexpr char kTaken = '+';

bool receive_whole(int fd, char* out, std::size_t size, std::int64_t end_ms) {
    while (size > 0) {
        const std::int64_t left = end_ms - now_ms();
        if (left <= 0 || wait_events(fd, POLLIN, static_cast<int>(left)) == 0) {
            return false;
        }
        const ssize_t got = recv(fd, out, size, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            return false;
        }
        out += std::max<ssize_t>(got, 0);
        size -= static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    }
    return true;
}

// Who does not know the word is dropped.
Result<UniqueFd> take_caller(const Control& control, int listener, const std::string& word, const Error& in_vain) {
    const std::int64_t end = now_ms() + kOpenMs;
    while (now_ms() < end) {
        if (const std::optional<Error> failure = control.failure()) {
            return *failure;
        }
        wait_events(listener, POLLIN, 200);
        UniqueFd fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        std::array<char, kWord> said{};
        if (fd && receive_whole(fd.get(), said.data(), said.size(), now_ms() + kWordMs) &&
            std::equal(said.begin(), said.end(), word.begin()) && send_whole(fd.get(), {&kTaken, 1}, end)) {
            return fd;
        }
    }
    return in_vain;
}

Result<UniqueFd> await_stream(Control& control, int from, StreamKind kind) {
    const Result<std::string> word = random_hex(kWord / 2);
    const Result<std::string> name = random_hex(16);
    if (!word || !name) {
        return word ? name.error() : word.error();
    }
    const std::string unix_name = "inferstep-link-" + *name;
    Result<UniqueFd> listener =
        kind == StreamKind::machine ? listen_at(abstract_address(unix_name)) : listen_everywhere(0);
    BodyWriter out;
    out.text(listener ? "" : listener.error().message).text(*word).text(unix_name);
    out.number(listener ? static_cast<std::uint64_t>(own_address(listener->get()).port()) : 0);
    if (Status s = control.post(from, out.body()); !s || !listener) {
        return s ? listener.error() : s.error();
    }
    return take_caller(
        control, listener->get(), *word,
        fail("rank {} on node {} does not connect", from, control.peers()[static_cast<std::size_t>(from)].node));
}

// Where `own` reaches `to`: what rank 0 sees of a neighbour on its own machine is of no use elsewhere.
Result<SocketAddress> address_of(const Control& control, int own, int to, int port) {
    const auto& peers = control.peers();
    const bool same = peers[static_cast<std::size_t>(own)].machine == peers[static_cast<std::size_t>(to)].machine;
    std::string host = control.address(to);
    if (host.empty()) {
        host = "127.0.0.1";
    }
    Result<std::vector<SocketAddress>> found = host_addresses(host);
    if (found && !found->empty() && (*found)[0].is_loopback() && !same) {
        found = host_addresses(control.address(0));
    }
    if (!found || found->empty()) {
        return found ? fail("rank {} has no address", to) : found.error();
    }
    return with_port((*found)[0], port);
}

Result<UniqueFd> call_stream(Control& control, int own, int to, StreamKind kind) {
    const Result<std::string> letter = control.letter_from(to);
    if (!letter) {
        return letter.error();
    }
    BodyReader in(*letter);
    const std::string error = in.text();
    const std::string word = in.text();
    const std::string name = in.text();
    const int port = in.small(65535);
    if (!in.done() || !error.empty() || word.size() != kWord) {
        return fail("{}", error.empty() ? "the other end's letter cannot be read" : error);
    }
    const Result<SocketAddress> address = kind == StreamKind::machine ? Result<SocketAddress>(abstract_address(name))
                                                                      : address_of(control, own, to, port);
    Result<UniqueFd> fd = address ? connect_within(*address, kOpenMs / 2) : address.error();
    char taken = 0;
    if (fd && (!send_whole(fd->get(), word, now_ms() + kWordMs) ||
               !receive_whole(fd->get(), &taken, 1, now_ms() + kOpenMs) || taken != kTaken)) {
        return fail("{}: rank {} does not take the connection", address->text(), to);
    }
    return fd;
}

}  // namespace

Result<UniqueFd> open_stream(Control& control, int own, int from, int to, StreamKind kind) {
    return own == to ? await_stream(control, from, kind) : call_stream(control, own, to, kind);
}

}  // namespace inferstep::comm
