// The ranks of a step: they find each other through Slurm's variables (or those of `inferstep run`), hear of each
// other's death, and open links between each other.
//
// Rank 0 is met by all others; each keeps a control connection to it, over which it beats. When a rank's connection
// breaks, when it stops beating, or when it gives up with abort(), every rank knows within seconds, by failure(), which
// rank on which node it was and why; every link's blocking call then returns that error. Thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comm/link.hpp"
#include "core/result.hpp"
#include "core/step.hpp"

namespace inferstep::comm {

struct WorldOptions {
    double join_timeout_s = 60;     // for all ranks to arrive
    double silence_timeout_s = 30;  // after which a rank that does not beat is given up
};

struct Peer {
    int rank = 0;
    std::string node;     // as Slurm names it
    std::string machine;  // equal: the two share memory
    long pid = 0;
};

class World {
   public:
    // Blocks until all ranks of the step have arrived. A step of one rank needs no network. Errors name the ranks that
    // did not come, or what was found in the place of rank 0.
    static Result<std::unique_ptr<World>> join(const StepIdentity& id, const WorldOptions& options);
    virtual ~World() = default;

    virtual int rank() const = 0;
    virtual int size() const = 0;
    virtual const std::vector<Peer>& peers() const = 0;  // by rank

    // Collective: every rank calls these in the same order.
    virtual Result<std::vector<std::string>> all_gather(std::string_view mine) = 0;  // by rank; each below 64 MiB
    virtual Status barrier() = 0;
    // One direction from one rank to another; both, and nobody else, call it. `transport` empty or "auto": chosen by
    // what the two machines have. Error: that transport cannot join these two ranks.
    virtual Result<std::unique_ptr<Link>> link(int from, int to, const LinkOptions& options) = 0;

    // Tell everybody why this rank gives up. Does not block.
    virtual void abort(const Error& why) = 0;
    // The first failure that was heard of, if there was one: "rank 3 on node n2 died".
    virtual std::optional<Error> failure() const = 0;
    // All is done: leaving is no failure any more. Collective; the last call.
    virtual Status leave() = 0;
};

}  // namespace inferstep::comm
