// How two ranks make sure that they belong together before either believes the other anything.
//
// Who connects says hello: step, user, size, rank and a random word. Rank 0 denies it (another step, another user, a
// rank that is here already), or answers with a random word of its own and, over a network, munge's word for both;
// who connected checks that and proves itself in the same way. Where one of the two has munge, both must.
#pragma once

#include <optional>
#include <string>

#include "comm/frame.hpp"
#include "comm/munge.hpp"
#include "comm/world.hpp"
#include "core/result.hpp"
#include "core/step.hpp"

namespace inferstep::comm {

constexpr int kProtocol = 1;
constexpr int kMostRanks = 1 << 16;

struct Hello {
    int protocol = kProtocol;
    std::string step;  // "1234.0", as step_name() has it
    unsigned uid = 0;
    int size = 0;
    Peer peer;
    std::string nonce;
};

Hello hello_of(const StepIdentity& id);
std::string hello_body(const Hello& hello);
std::optional<Hello> read_hello(std::string_view body);

// Why rank 0 (`own`) denies this one; empty: it belongs here. `ours` is set when it is of the same step nevertheless:
// then nothing better will come.
std::string denial(const Hello& own, const Hello& other, bool& ours);

void write_peer(BodyWriter& out, const Peer& peer);
Peer read_peer(BodyReader& in);

// The two ends' words for one meeting. `munge` null: they have none.
class Proof {
   public:
    Proof(const Munge* munge, const Hello& caller, const std::string& answer_nonce)
        : munge_(munge), words_(caller.step + " " + caller.nonce + " " + answer_nonce) {}
    Result<std::string> say(std::string_view side) const;  // "0" or the caller's rank; empty without munge
    Status verify(std::string_view side, const std::string& credential) const;

   private:
    const Munge* munge_;
    std::string words_;
};

}  // namespace inferstep::comm
