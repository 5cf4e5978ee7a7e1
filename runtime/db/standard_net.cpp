#include "db/standard_net.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/log.hpp"
#include "db/config.hpp"
#include "db/port_holder.hpp"

namespace inferstep {
namespace {

constexpr int kPortsTried = 1000;
constexpr int kGivenUpMs = 1000;  // by the step before, which is about to end
constexpr std::chrono::milliseconds kLook(20);

std::string text_of(const sockaddr* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    address->sa_family == AF_INET6
        ? inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text.data(), text.size())
        : inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text.data(), text.size());
    return text.data();
}

// An address of IPv6 that means nothing without its interface cannot be given to others.
bool is_usable(const sockaddr* address, sa_family_t family) {
    return address != nullptr && address->sa_family == family &&
           (family == AF_INET ||
            IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr) == 0);
}

// Those that are up and have an address of this family.
std::vector<Interface> interfaces(sa_family_t family) {
    std::vector<Interface> all;
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) {
        return all;
    }
    for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
        if (is_usable(i->ifa_addr, family) && (i->ifa_flags & IFF_UP) != 0) {
            all.push_back({i->ifa_name, text_of(i->ifa_addr), (i->ifa_flags & IFF_LOOPBACK) != 0});
        }
    }
    freeifaddrs(list);
    return all;
}

std::string listed(const std::vector<Interface>& all) {
    std::string text;
    for (const Interface& one : all) {
        text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", one.name, one.address);
    }
    return text.empty() ? "none" : text;
}

std::optional<Interface> named(const std::vector<Interface>& all, const std::string& name) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Interface& i) { return i.name == name; });
    return found != all.end() ? std::optional<Interface>(*found) : std::nullopt;
}

// The addresses that this machine's own name leads to.
std::vector<std::string> addresses_of_host() {
    std::array<char, 256> name{};
    addrinfo hints{};
    hints.ai_family = AF_INET;
    addrinfo* list = nullptr;
    std::vector<std::string> all;
    if (gethostname(name.data(), name.size() - 1) == 0 && getaddrinfo(name.data(), nullptr, &hints, &list) == 0) {
        for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
            all.push_back(text_of(a->ai_addr));
        }
        freeaddrinfo(list);
    }
    return all;
}

// Nobody listens there: what we bind for a moment, and Redis could too.
// False with errno set.
bool is_free(const std::string& address, int port) {
    const bool v6 = address.find(':') != std::string::npos;
    sockaddr_in6 six{};
    sockaddr_in four{};
    six.sin6_family = AF_INET6;
    four.sin_family = AF_INET;
    six.sin6_port = four.sin_port = htons(static_cast<std::uint16_t>(port));
    v6 ? inet_pton(AF_INET6, address.c_str(), &six.sin6_addr) : inet_pton(AF_INET, address.c_str(), &four.sin_addr);
    const UniqueFd fd(socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const auto* where = v6 ? reinterpret_cast<const sockaddr*>(&six) : reinterpret_cast<const sockaddr*>(&four);
    return bind(fd.get(), where, v6 ? sizeof six : sizeof four) == 0 && listen(fd.get(), 1) == 0;
}

// A name without a file, of the network namespace, as ports are; the kernel frees it with its holder.
UniqueFd claim(const std::string& address, int port) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::string text = fmt::format("inferstep-port-{}-{}", address, port);
    std::memcpy(name.sun_path + 1, text.data(), text.size());
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) {
        fd.reset();
    }
    return fd;
}

}  // namespace

Result<Interface> find_interface(const std::string& option, const std::string& name) {
    std::vector<Interface> all = interfaces(AF_INET);
    const std::vector<Interface> more = interfaces(AF_INET6);
    all.insert(all.end(), more.begin(), more.end());
    const std::optional<Interface> found = named(all, name);
    return found ? Result<Interface>(*found)
                 : fail("{}: there is no interface '{}' that is up and has an address; there is: {}", option, name,
                        listed(all));
}

bool is_private(const std::string& address) {
    in6_addr six{};
    if (inet_pton(AF_INET6, address.c_str(), &six) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&six) != 0 || IN6_IS_ADDR_LINKLOCAL(&six) != 0 || (six.s6_addr[0] & 0xfe) == 0xfc;
    }
    in_addr four{};
    inet_pton(AF_INET, address.c_str(), &four);
    const std::uint32_t number = ntohl(four.s_addr);
    return number >> 24U == 127 || number >> 24U == 10 || number >> 20U == 0xac1 || number >> 16U == 0xc0a8 ||
           number >> 16U == 0xa9fe;
}

Result<std::string> interface_address(const std::string& interface) {
    std::vector<Interface> all = interfaces(AF_INET);
    const std::string known = listed(all);
    if (!interface.empty()) {
        const auto found = named(all, interface);
        return found ? Result<std::string>(found->address)
                     : fail("--net-ifname: there is no interface '{}' with an IPv4 address; there is: {}", interface,
                            known);
    }
    std::erase_if(all, [](const Interface& i) { return i.loopback; });
    if (all.empty()) {
        return with_hint(fail("this node has no interface that others can reach; there is: {}", known),
                         "for clients on this node alone, give --net-ifname=lo");
    }
    const std::vector<std::string> own = all.size() > 1 ? addresses_of_host() : std::vector<std::string>();
    const auto ours = std::find_if(all.begin(), all.end(), [&](const Interface& i) {
        return std::find(own.begin(), own.end(), i.address) != own.end();
    });
    const Interface& chosen = ours != all.end() ? *ours : all[0];
    print_note(fmt::format("of the interfaces {} it is {}", known, chosen.name));
    return chosen.address;
}

Result<ReservedPort> reserve_port(const std::string& address, int first, bool bus, const std::string& option) {
    const int last = std::min(first + kPortsTried - 1, static_cast<int>(kMaxPort) - (bus ? kBusOffset : 0));
    for (int port = first; port <= last; ++port) {
        UniqueFd fd = claim(address, port);
        if (fd && is_free(address, port) && (!bus || is_free(address, port + kBusOffset))) {
            return ReservedPort{port, std::move(fd)};
        }
    }
    return with_hint(fail("no port from {} to {} is free at {}", first, last, address), "give another " + option);
}

Result<ReservedPort> take_port(const std::string& address, int port) {
    const std::int64_t end = now_ms() + kGivenUpMs;
    for (;;) {
        UniqueFd fd = claim(address, port);
        if (fd && is_free(address, port)) {
            return ReservedPort{port, std::move(fd)};
        }
        const int error = fd ? errno : EADDRINUSE;
        if (error == EADDRINUSE && now_ms() < end) {
            std::this_thread::sleep_for(kLook);
            continue;
        }
        if (error != EADDRINUSE) {
            return fail("cannot listen on port {} of {}: {}", port, address, std::strerror(error));
        }
        const std::string holder = port_holder(port);
        return with_hint(fail("port {} of {} is taken by {}", port, address,
                              holder.empty() ? "another step that starts on this node" : holder),
                         "give another --infer-db-port; 0 takes what is free");
    }
}

}  // namespace inferstep
