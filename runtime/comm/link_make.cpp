#include "comm/link_make.hpp"

#include "comm/ucx.hpp"
#include "core/gpu_driver.hpp"

namespace inferstep::comm {
namespace {

struct Offer {
    std::string transport;
    std::uint64_t largest = 0;
    std::string gpu;        // that NCCL could join, on which machine; empty: none
    bool fast_ucx = false;  // this end has UCX, and a device that makes it faster than TCP
};

// What NCCL would join: two ranks on one GPU it would not.
std::string usable_gpu(const LinkEnd& end, const LinkOptions& options) {
    const Result<std::string> address =
        options.device_memory && nccl_usable() ? gpu_address(options.device) : Result<std::string>(std::string());
    return address && !address->empty()
               ? end.control->peers()[static_cast<std::size_t>(end.own)].machine + " " + *address
               : std::string();
}

std::string offer_body(const LinkOptions& options, const std::string& gpu) {
    return BodyWriter()
        .text(options.transport.empty() ? "auto" : options.transport)
        .number(options.largest_message)
        .text(gpu)
        .number(has_rdma() && has_ucx() ? 1 : 0)
        .body();
}

Result<Offer> exchange_offers(const LinkEnd& end, const LinkOptions& options, const std::string& gpu) {
    if (Status s = end.control->post(end.other(), offer_body(options, gpu)); !s) {
        return s.error();
    }
    const Result<std::string> letter = end.control->letter_from(end.other());
    if (!letter) {
        return letter.error();
    }
    BodyReader in(*letter);
    Offer offer{in.text(), in.number(), in.text(), in.number() != 0};
    return in.done() ? Result<Offer>(std::move(offer)) : fail("rank {} sends no offer of a link", end.other());
}

bool same_machine(const LinkEnd& end) {
    return end.peer().machine == end.control->peers()[static_cast<std::size_t>(end.own)].machine;
}

std::string edge(const LinkEnd& end) { return fmt::format("the link from rank {} to rank {}", end.from, end.to); }

// Both ends come to the same, or to the same error.
Result<std::string> chosen(const LinkEnd& end, const LinkOptions& options, const std::string& gpu, const Offer& other) {
    const std::string own = options.transport.empty() ? "auto" : options.transport;
    if (own != other.transport || options.largest_message != other.largest) {
        return fail("{}: its two ends ask for different things ('{}' and '{}', messages of {} and {} bytes)", edge(end),
                    own, other.transport, options.largest_message, other.largest);
    }
    if (own == "shm" && !same_machine(end)) {
        return fail("{}: shm joins ranks of one machine, and these are on nodes {} and {}", edge(end),
                    end.control->peers()[static_cast<std::size_t>(end.own)].node, end.peer().node);
    }
    const bool two_gpus = !gpu.empty() && !other.gpu.empty() && gpu != other.gpu;
    if (own == "nccl" && !two_gpus) {
        return fail("{}: NCCL joins two GPUs where it is installed, and these ranks have '{}' and '{}'", edge(end), gpu,
                    other.gpu);
    }
    if (own != "auto") {
        return own;
    }
    if (two_gpus) {
        return std::string("nccl");
    }
    const bool ucx = other.fast_ucx && has_rdma() && has_ucx();
    return std::string(same_machine(end) ? "shm" : ucx ? "ucx" : "tcp");
}

// Both ends have the link, or neither: one that failed alone would fall back, and the other wait for it. (UCX's ends
// say so themselves, after each step.)
MadeLink on_both_ends(MadeLink link, const LinkEnd& end) {
    if (Status s = end.control->post(end.other(), link ? "" : link.error().message); !s) {
        return s.error();
    }
    const Result<std::string> letter = end.control->letter_from(end.other());
    if (!letter) {
        return letter.error();
    }
    return !link || letter->empty() ? std::move(link)
                                    : MadeLink(fail("rank {} on node {}: {}", end.other(), end.peer().node, *letter));
}

MadeLink made(const std::string& transport, const LinkEnd& end, const LinkOptions& options) {
    MadeLink link = transport == "shm"    ? make_shm_link(end, options)
                    : transport == "tcp"  ? make_tcp_link(end, options)
                    : transport == "nccl" ? on_both_ends(make_nccl_link(end, options), end)
                                          : make_ucx_link(end, options);
    if (!link && end.control->failed()) {
        return *end.control->failure();
    }
    return link ? std::move(link) : MadeLink(fail("{} over {}: {}", edge(end), transport, link.error().message));
}

}  // namespace

MadeLink make_link(const LinkEnd& end, const LinkOptions& options) {
    const std::string gpu = usable_gpu(end, options);
    const Result<Offer> other = exchange_offers(end, options, gpu);
    const Result<std::string> transport = other ? chosen(end, options, gpu, *other) : other.error();
    if (!transport) {
        return transport.error();
    }
    if (*transport != "shm" && *transport != "tcp" && *transport != "ucx" && *transport != "nccl") {
        return fail("'{}' is no transport of links: auto, shm, tcp, ucx, or nccl", *transport);
    }
    MadeLink link = made(*transport, end, options);
    const bool by_itself = options.transport.empty() || options.transport == "auto";
    return link || *transport != "ucx" || !by_itself || end.control->failed() ? std::move(link)
                                                                              : made("tcp", end, options);
}

}  // namespace inferstep::comm
