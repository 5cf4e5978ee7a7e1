// Making one Redis Cluster of the shards: what each supervisor does with its own ones, and how the cluster is.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "db/ask.hpp"
#include "db/instance.hpp"

namespace inferstep {

// The lowest slot of shard `index` of `shards`, which share all slots evenly; of shard number `shards` one too many.
constexpr int lowest_slot(int index, int shards) {
    constexpr int kAll = 16'384;
    return static_cast<int>(static_cast<long>(kAll) * index / shards);
}

// Give the shard its slots, and an epoch that no other has.
Status take_slots(client::Connection& connection, int index, int shards, client::Deadline deadline);

// Introduce the other shards ("host:port") to it; they tell each other.
Status meet(client::Connection& connection, const std::vector<std::string>& others, client::Deadline deadline);

// What CLUSTER INFO says under a name, such as cluster_state.
Result<std::string> cluster_field(client::Connection& connection, const std::string& name, client::Deadline deadline);

// The shards, as host:port, that it has not heard of for too long.
Result<std::vector<std::string>> lost_shards(client::Connection& connection, client::Deadline deadline);

}  // namespace inferstep
