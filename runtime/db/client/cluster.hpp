// Which database has a key. A database alone is a cluster of one shard that has every slot. Private to the library.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "db/client/connection.hpp"
#include "db/client/slots.hpp"

namespace inferstep::client {

struct Shard {
    Address address;
    Connection connection;
    bool met = false;  // it was connected once
};

// Slots that lie on one shard. A shard may have several ranges; as for SmartRedis, each has the models and scripts.
struct SlotRange {
    unsigned low = 0;
    unsigned high = kSlots - 1;
    Shard* shard = nullptr;
    std::string prefix;  // of the names of models and scripts; empty where there is no cluster
    std::string home;    // the prefix of the shard's lowest range: there also when slots have moved to the shard since

    std::string own_name(std::string_view name) const { return prefix + std::string(name); }
    std::string run_name(std::string_view name) const { return home + std::string(name); }
};

class Cluster {
   public:
    // `endpoint`: one address, or several with commas between them. `clustered`: one address stands for a cluster, too.
    // Forgets what was connected. usage: no address.
    ClientStatus name(std::string_view endpoint, bool clustered, std::string secret);
    bool clustered() const { return clustered_; }
    const std::string& endpoint() const { return endpoint_; }

    // Learn which shard has which slots, if that is not known or has become doubtful.
    ClientStatus learn(std::chrono::milliseconds connect_timeout, Deadline deadline);
    void doubt() { known_ = false; }

    const std::vector<SlotRange>& ranges() const { return ranges_; }
    const SlotRange* range_of(unsigned slot) const;  // nullptr: no shard has it
    Shard& shard_at(const Address& address);         // lasts until name() is called

    // Open the shard's connection if it is not. One that was there before is waited for as long as the environment
    // variable INFER_RECONNECT says, in seconds: it is being started again.
    ClientStatus open(Shard& shard, std::chrono::milliseconds connect_timeout, Deadline deadline) const;

   private:
    ClientStatus open_once(Shard& shard, std::chrono::milliseconds connect_timeout, Deadline deadline) const;
    ClientStatus ask(Shard& shard, Deadline deadline);
    bool take_slots(const redisReply& reply, const Shard& asked);

    std::string endpoint_;
    std::string secret_;
    std::chrono::seconds reconnect_{0};
    std::vector<Address> seeds_;
    std::vector<std::unique_ptr<Shard>> shards_;
    std::vector<SlotRange> ranges_;  // by slot
    bool clustered_ = false;
    bool known_ = false;
};

}  // namespace inferstep::client
