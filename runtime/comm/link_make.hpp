// How the transports of links are made. Both ends call the same function.
#pragma once

#include <memory>

#include "comm/control.hpp"
#include "comm/link.hpp"
#include "core/result.hpp"

namespace inferstep::comm {

// One end of one link: whose, and what its errors say.
struct LinkEnd {
    Control* control = nullptr;
    int own = 0;
    int from = 0;
    int to = 0;
    bool sends() const { return own == from; }
    int other() const { return sends() ? to : from; }
    const Peer& peer() const { return control->peers()[static_cast<std::size_t>(other())]; }
};

using MadeLink = Result<std::unique_ptr<Link>>;
MadeLink make_shm_link(const LinkEnd& end, const LinkOptions& options);
MadeLink make_tcp_link(const LinkEnd& end, const LinkOptions& options);
MadeLink make_ucx_link(const LinkEnd& end, const LinkOptions& options);
// Whether NCCL can be opened here, and a link by it, between two different GPUs.
bool nccl_usable();
MadeLink make_nccl_link(const LinkEnd& end, const LinkOptions& options);

// Agree on a transport and make it.
MadeLink make_link(const LinkEnd& end, const LinkOptions& options);

}  // namespace inferstep::comm
