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
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include "core/log.hpp"
#include "db/config.hpp"

namespace inferstep {
namespace {

constexpr int kPortsTried = 1000;
constexpr int kLastPort = 65'535;

struct Interface {
    std::string name;
    std::string address;
    bool loopback = false;
};

std::string text_of(const sockaddr* address) {
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text.data(), text.size());
    return text.data();
}

std::vector<Interface> interfaces() {
    std::vector<Interface> all;
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) {
        return all;
    }
    for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
        if (i->ifa_addr != nullptr && i->ifa_addr->sa_family == AF_INET && (i->ifa_flags & IFF_UP) != 0) {
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
bool is_free(const std::string& address, int port) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(static_cast<std::uint16_t>(port));
    inet_pton(AF_INET, address.c_str(), &where.sin_addr);
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 && listen(fd.get(), 1) == 0;
}

// A name without a file, of the network namespace, as ports are; the kernel frees it with its holder.
UniqueFd claim(int port) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::string text = fmt::format("inferstep-port-{}", port);
    std::memcpy(name.sun_path + 1, text.data(), text.size());
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) {
        fd.reset();
    }
    return fd;
}

}  // namespace

Result<std::string> interface_address(const std::string& interface) {
    std::vector<Interface> all = interfaces();
    const std::string known = listed(all);
    if (!interface.empty()) {
        const auto found = std::find_if(all.begin(), all.end(), [&](const auto& i) { return i.name == interface; });
        return found != all.end() ? Result<std::string>(found->address)
                                  : fail("--net-ifname: there is no interface '{}' with an IPv4 address; there is: {}",
                                         interface, known);
    }
    std::erase_if(all, [](const Interface& i) { return i.loopback; });
    if (all.empty()) {
        return with_hint(fail("this node has no interface that others can reach; there is: {}", known),
                         "for clients on this node alone, give --net-ifname=lo");
    }
    const std::vector<std::string> own = all.size() > 1 ? addresses_of_host() : std::vector<std::string>();
    const auto named = std::find_if(all.begin(), all.end(), [&](const Interface& i) {
        return std::find(own.begin(), own.end(), i.address) != own.end();
    });
    const Interface& chosen = named != all.end() ? *named : all[0];
    print_note(fmt::format("of the interfaces {} it is {}", known, chosen.name));
    return chosen.address;
}

Result<ReservedPort> reserve_port(const std::string& address, int first, bool bus) {
    const int last = std::min(first + kPortsTried - 1, kLastPort - (bus ? kBusOffset : 0));
    for (int port = first; port <= last; ++port) {
        UniqueFd fd = claim(port);
        if (fd && is_free(address, port) && (!bus || is_free(address, port + kBusOffset))) {
            return ReservedPort{port, std::move(fd)};
        }
    }
    return with_hint(fail("no port from {} to {} is free at {}", first, last, address), "give another --port");
}

}  // namespace inferstep
