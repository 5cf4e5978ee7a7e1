#include "comm/link_make.hpp"

#include <array>

namespace inferstep::comm {
namespace {

struct Offer {
    std::string transport;
    std::uint64_t largest = 0;
    bool device_memory = false;
};

std::string offer_body(const LinkOptions& options) {
    return BodyWriter()
        .text(options.transport.empty() ? "auto" : options.transport)
        .number(options.largest_message)
        .number(options.device_memory ? 1 : 0)
        .body();
}

Result<Offer> exchange_offers(const LinkEnd& end, const LinkOptions& options) {
    if (Status s = end.control->post(end.other(), offer_body(options)); !s) {
        return s.error();
    }
    const Result<std::string> letter = end.control->letter_from(end.other());
    if (!letter) {
        return letter.error();
    }
    BodyReader in(*letter);
    Offer offer{in.text(), in.number(), in.number() != 0};
    return in.done() ? Result<Offer>(std::move(offer)) : fail("rank {} sends no offer of a link", end.other());
}

bool same_machine(const LinkEnd& end) {
    return end.peer().machine == end.control->peers()[static_cast<std::size_t>(end.own)].machine;
}

std::string edge(const LinkEnd& end) { return fmt::format("the link from rank {} to rank {}", end.from, end.to); }

// Both ends come to the same, or to the same error.
Result<std::string> chosen(const LinkEnd& end, const LinkOptions& options, const Offer& other) {
    const std::string own = options.transport.empty() ? "auto" : options.transport;
    if (own != other.transport || options.largest_message != other.largest ||
        options.device_memory != other.device_memory) {
        return fail("{}: its two ends ask for different things ('{}' and '{}', messages of {} and {} bytes)", edge(end),
                    own, other.transport, options.largest_message, other.largest);
    }
    if (own == "shm" && !same_machine(end)) {
        return fail("{}: shm joins ranks of one machine, and these are on nodes {} and {}", edge(end),
                    end.control->peers()[static_cast<std::size_t>(end.own)].node, end.peer().node);
    }
    return own != "auto" ? own : std::string(same_machine(end) ? "shm" : "tcp");
}

}  // namespace

MadeLink make_link(const LinkEnd& end, const LinkOptions& options) {
    const Result<Offer> other = exchange_offers(end, options);
    const Result<std::string> transport = other ? chosen(end, options, *other) : other.error();
    if (!transport) {
        return transport.error();
    }
    if (*transport == "shm" || *transport == "tcp") {
        MadeLink link = *transport == "shm" ? make_shm_link(end, options) : make_tcp_link(end, options);
        return link ? std::move(link)
                    : MadeLink(end.control->failed()
                                   ? *end.control->failure()
                                   : fail("{} over {}: {}", edge(end), *transport, link.error().message));
    }
    return fail("'{}' is no transport of links: shm, tcp, or auto", *transport);
}

}  // namespace inferstep::comm
