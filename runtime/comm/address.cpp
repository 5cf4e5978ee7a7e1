#include "comm/address.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "core/file.hpp"
#include "core/process.hpp"
#include "core/text.hpp"
#include "core/wait.hpp"
#include "core/words.hpp"

namespace inferstep::comm {
namespace {

constexpr int kCandidates = 16;
constexpr int kFirstPort = 20000;  // below those that Linux gives to outgoing connections
constexpr int kPorts = 12000;
constexpr int kAskMs = 10'000;
constexpr int kBacklog = 4096;

std::uint64_t hash_of(std::string_view text) {  // FNV-1a: the same in every build
    std::uint64_t hash = 1469598103934665603U;
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    }
    return hash;
}

const sockaddr_in& four(const SocketAddress& a) { return reinterpret_cast<const sockaddr_in&>(a.storage); }
const sockaddr_in6& six(const SocketAddress& a) { return reinterpret_cast<const sockaddr_in6&>(a.storage); }

Result<UniqueFd> bound(int family, const SocketAddress& address) {
    UniqueFd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    const int off = 0;
    if (family != AF_UNIX) {
        setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    if (family == AF_INET6) {
        setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (!fd || bind(fd.get(), address.get(), address.length) != 0 || listen(fd.get(), kBacklog) != 0) {
        return fail("cannot listen on {}: {}", address.text(), std::strerror(errno));
    }
    return fd;
}

// "12000-12003" or "12000,12005", as SLURM_STEP_RESV_PORTS has it.
void add_reserved(std::vector<int>& ports) {
    const char* reserved = std::getenv("SLURM_STEP_RESV_PORTS");
    for (const std::string& part : split(reserved != nullptr ? reserved : "", ',')) {
        const std::size_t dash = part.find('-');
        const Result<long> first = parse_number("port", part.substr(0, dash), 1, 65535);
        const Result<long> last =
            dash == std::string::npos ? first : parse_number("port", part.substr(dash + 1), 1, 65535);
        for (long port = first && last ? *first : 1; last && port <= *last && ports.size() < kCandidates; ++port) {
            ports.push_back(static_cast<int>(port));
        }
    }
}

}  // namespace

std::string SocketAddress::host() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (storage.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six(*this).sin6_addr)) {
        inet_ntop(AF_INET, &six(*this).sin6_addr.s6_addr[12], text.data(), text.size());
    } else if (storage.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &six(*this).sin6_addr, text.data(), text.size());
    } else if (storage.ss_family == AF_INET) {
        inet_ntop(AF_INET, &four(*this).sin_addr, text.data(), text.size());
    }
    return text.data();
}

int SocketAddress::port() const {
    return storage.ss_family == AF_INET6  ? ntohs(six(*this).sin6_port)
           : storage.ss_family == AF_INET ? ntohs(four(*this).sin_port)
                                          : 0;
}

std::string SocketAddress::text() const {
    if (storage.ss_family == AF_UNIX) {
        const auto& name = reinterpret_cast<const sockaddr_un&>(storage);
        const std::size_t before = offsetof(sockaddr_un, sun_path) + 1;
        return length <= before ? "@" : "@" + std::string(name.sun_path + 1, length - before);
    }
    const std::string name = host();
    return fmt::format("{} port {}", name.find(':') != std::string::npos ? "[" + name + "]" : name, port());
}

bool SocketAddress::is_loopback() const {
    const std::string name = host();
    return name == "::1" || name.starts_with("127.");
}

std::string first_node(std::string_view nodes) {
    std::string name;
    bool inside = false;    // of brackets
    bool skipping = false;  // what comes after the first of them
    for (const char c : nodes) {
        if (c == '[') {
            inside = true;
            skipping = false;
        } else if (c == ']') {
            inside = skipping = false;
        } else if (inside && (c == '-' || c == ',')) {
            skipping = true;
        } else if (c == ',') {
            break;
        } else if (!skipping) {
            name += c;
        }
    }
    return name;
}

Result<std::vector<SocketAddress>> host_addresses(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list);
    if (error != 0) {
        return fail("the name '{}' has no address: {}", host, gai_strerror(error));
    }
    std::vector<SocketAddress> all;
    for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
        if (a->ai_addrlen <= sizeof(sockaddr_storage) && (a->ai_family == AF_INET || a->ai_family == AF_INET6)) {
            SocketAddress one;
            std::memcpy(&one.storage, a->ai_addr, a->ai_addrlen);
            one.length = a->ai_addrlen;
            all.push_back(one);
        }
    }
    freeaddrinfo(list);
    return all;
}

Result<std::vector<SocketAddress>> slurm_addresses(const std::string& node) {
    const Result<Captured> said = run_capture({"scontrol", "--oneliner", "show", "node", node}, kAskMs);
    if (!said) {
        return said.error();
    }
    constexpr std::string_view kKey = " NodeAddr=";
    const std::size_t at = said->out.find(kKey);
    if (said->exit_code != 0 || at == std::string::npos) {
        return fail("scontrol knows no address of node {}", node);
    }
    const std::size_t begin = at + kKey.size();
    return host_addresses(said->out.substr(begin, said->out.find_first_of(" \n", begin) - begin));
}

SocketAddress with_port(SocketAddress address, int port) {
    const std::uint16_t number = htons(static_cast<std::uint16_t>(port));
    if (address.storage.ss_family == AF_INET6) {
        reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port = number;
    } else if (address.storage.ss_family == AF_INET) {
        reinterpret_cast<sockaddr_in&>(address.storage).sin_port = number;
    }
    return address;
}

SocketAddress abstract_address(const std::string& name) {
    SocketAddress address;
    auto& out = reinterpret_cast<sockaddr_un&>(address.storage);
    out.sun_family = AF_UNIX;
    const std::size_t size = std::min(name.size(), sizeof out.sun_path - 1);
    std::memcpy(out.sun_path + 1, name.data(), size);
    address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + size);
    return address;
}

std::string machine_id() {
    const Result<std::string> boot = read_file("/proc/sys/kernel/random/boot_id");
    struct stat st {};
    const bool known = stat("/proc/self/ns/net", &st) == 0;
    return fmt::format("{}:{}", boot ? std::string(trimmed(boot->substr(0, boot->find('\n')))) : host_name(),
                       known ? st.st_ino : 0);
}

std::vector<int> candidate_ports(const StepIdentity& id) {
    std::vector<int> ports;
    add_reserved(ports);
    const std::uint64_t hash = hash_of(step_name(id));
    for (std::uint64_t i = 0; i < kCandidates; ++i) {
        ports.push_back(kFirstPort + static_cast<int>((hash + i * (1 + hash / kPorts % 97)) % kPorts));
    }
    return ports;
}

std::vector<SocketAddress> candidate_names(const StepIdentity& id) {
    std::vector<SocketAddress> all;
    all.reserve(kCandidates);
    for (int i = 0; i < kCandidates; ++i) {
        all.push_back(
            abstract_address(fmt::format("inferstep-world-{}-{:016x}-{}", geteuid(), hash_of(step_name(id)), i)));
    }
    return all;
}

Result<UniqueFd> listen_at(const SocketAddress& address) { return bound(address.storage.ss_family, address); }

Result<UniqueFd> listen_everywhere(int port) {
    SocketAddress any;
    any.storage.ss_family = AF_INET6;
    any.length = sizeof(sockaddr_in6);
    Result<UniqueFd> both = bound(AF_INET6, with_port(any, port));
    if (both || errno == EADDRINUSE) {
        return both;
    }
    any.storage.ss_family = AF_INET;
    any.length = sizeof(sockaddr_in);
    return bound(AF_INET, with_port(any, port));
}

Result<UniqueFd> connect_within(const SocketAddress& address, int limit_ms) {
    UniqueFd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    int error = 0;
    socklen_t size = sizeof error;
    if (!fd || (connect(fd.get(), address.get(), address.length) != 0 && errno != EINPROGRESS)) {
        return fail("{}: {}", address.text(), std::strerror(errno));
    }
    if (wait_events(fd.get(), POLLOUT, limit_ms) == 0) {
        return fail("{}: no answer", address.text());
    }
    if (getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        return fail("{}: {}", address.text(), std::strerror(error));
    }
    // Linux may connect a socket with itself when the port is one of those for outgoing connections.
    if (address.storage.ss_family != AF_UNIX && own_address(fd.get()).text() == peer_address(fd.get()).text()) {
        return fail("{}: nobody listens", address.text());
    }
    return fd;
}

SocketAddress own_address(int fd) {
    SocketAddress address;
    address.length = sizeof address.storage;
    getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length);
    return address;
}

SocketAddress peer_address(int fd) {
    SocketAddress address;
    address.length = sizeof address.storage;
    getpeername(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length);
    return address;
}

void set_for_peer(int fd, std::int64_t silence_ms) {
    const int on = 1;
    const auto silence = static_cast<unsigned>(silence_ms);
    const int probes = 4;
    const int pause = std::max(1, static_cast<int>(silence_ms / 1000 / (probes + 1)));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence, sizeof silence);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &pause, sizeof pause);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &pause, sizeof pause);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

bool is_own_user(int fd) {
    ucred who{};
    socklen_t size = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.uid == geteuid();
}

}  // namespace inferstep::comm
