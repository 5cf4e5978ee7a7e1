#include "comm/hello.hpp"

#include <unistd.h>

#include "comm/address.hpp"
#include "core/file.hpp"
#include "core/text.hpp"

namespace inferstep::comm {

Hello hello_of(const StepIdentity& id) {
    Hello hello;
    hello.step = step_name(id);
    hello.uid = geteuid();
    hello.size = id.ranks;
    hello.peer = {id.rank, id.node, machine_id(), getpid()};
    const Result<std::string> nonce = random_hex(16);
    hello.nonce = nonce ? *nonce : std::string();
    return hello;
}

void write_peer(BodyWriter& out, const Peer& peer) {
    out.number(static_cast<std::uint64_t>(peer.rank))
        .text(peer.node)
        .text(peer.machine)
        .number(static_cast<std::uint64_t>(peer.pid));
}

Peer read_peer(BodyReader& in) {
    Peer peer;
    peer.rank = in.small(kMostRanks);
    peer.node = in.text();
    peer.machine = in.text();
    peer.pid = in.small(1 << 30);
    return peer;
}

std::string hello_body(const Hello& hello) {
    BodyWriter out;
    out.number(static_cast<std::uint64_t>(hello.protocol)).text(hello.step).number(hello.uid);
    out.number(static_cast<std::uint64_t>(hello.size)).text(hello.nonce);
    write_peer(out, hello.peer);
    return out.body();
}

std::optional<Hello> read_hello(std::string_view body) {
    BodyReader in(body);
    Hello hello;
    hello.protocol = in.small(1 << 30);
    hello.step = in.text();
    hello.uid = static_cast<unsigned>(in.number());
    hello.size = in.small(kMostRanks);
    hello.nonce = in.text();
    hello.peer = read_peer(in);
    return in.done() ? std::optional<Hello>(hello) : std::nullopt;
}

std::string denial(const Hello& own, const Hello& other, bool& ours) {
    ours = other.step == own.step && other.uid == own.uid;
    if (!ours) {
        return fmt::format("it belongs to step {} of user {}", own.step, own.uid);
    }
    if (other.protocol != own.protocol) {
        return fmt::format("it speaks protocol {}, this rank {}: all ranks must run the same inferstep", own.protocol,
                           other.protocol);
    }
    if (other.size != own.size) {
        return fmt::format("it counts {}, this rank {}", counted(own.size, "rank"), other.size);
    }
    return other.peer.rank < 1 || other.peer.rank >= own.size
               ? fmt::format("there is no rank {} in a step of {}", other.peer.rank, counted(own.size, "rank"))
               : std::string();
}

Result<std::string> Proof::say(std::string_view side) const {
    return munge_ == nullptr ? Result<std::string>(std::string()) : munge_->say(fmt::format("{} {}", side, words_));
}

Status Proof::verify(std::string_view side, const std::string& credential) const {
    if (munge_ == nullptr) {
        return credential.empty() ? Status::ok() : fail("it has munge, and this node does not");
    }
    return credential.empty() ? fail("munge answers here, but not there")
                              : munge_->verify(credential, fmt::format("{} {}", side, words_));
}

}  // namespace inferstep::comm
