// How the ranks of a step find rank 0, and rank 0 them: before the World's control thread exists.
//
// Rank 0 listens on the first free of a sequence of ports (or names) that all ranks derive from the step; the others
// try them in turn until one takes their hello. Strangers, garbage and connections that say nothing are dropped after
// some seconds and disturb nobody.
#pragma once

#include <string>
#include <vector>

#include "comm/frame.hpp"
#include "comm/world.hpp"
#include "core/fd.hpp"
#include "core/result.hpp"

namespace inferstep::comm {

struct Connection {
    UniqueFd fd;
    FrameReader in{kStrangerLimit};
};

struct Meeting {
    std::vector<Peer> peers;              // by rank
    std::vector<std::string> addresses;   // by rank: where the others reach it; empty: on this machine alone
    std::vector<Connection> connections;  // rank 0: by rank, its own without an fd; others: one, to rank 0
};

Result<Meeting> meet(const StepIdentity& id, const WorldOptions& options);

// Both parts of it; `end_ms` is of now_ms().
Result<Meeting> await_ranks(const StepIdentity& id, std::int64_t end_ms);
Result<Meeting> find_root(const StepIdentity& id, std::int64_t end_ms);

// All ranks on one machine: `inferstep run`, or a step of one node.
bool on_one_machine(const StepIdentity& id);

// Write all of it before `end_ms`, whatever the socket's buffer takes at once.
bool send_whole(int fd, std::string_view bytes, std::int64_t end_ms);

}  // namespace inferstep::comm
