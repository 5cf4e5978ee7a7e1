#include "db/client/cluster.hpp"

#include <algorithm>
#include <cstdlib>
#include <thread>

namespace inferstep::client {
namespace {

using Code = ClientStatus::Code;
using Milliseconds = std::chrono::milliseconds;

constexpr Milliseconds kAskAgain{10};

// Seconds, 0 where the variable is absent or no number.
std::chrono::seconds reconnect_limit() {
    const char* text = std::getenv("INFER_RECONNECT");
    return std::chrono::seconds(text != nullptr ? std::clamp(std::atoi(text), 0, 24 * 3600) : 0);
}

bool text_is(const redisReply& reply) { return reply.type == REDIS_REPLY_STRING || reply.type == REDIS_REPLY_STATUS; }

}  // namespace

ClientStatus Cluster::name(std::string_view endpoint, bool clustered, std::string secret) {
    std::vector<Address> seeds;
    for (std::string_view rest = endpoint;;) {
        const std::size_t comma = rest.find(',');
        seeds.emplace_back();
        if (ClientStatus s = parse_address(rest.substr(0, comma), seeds.back()); !s) {
            return s;
        }
        if (comma == std::string_view::npos) {
            break;
        }
        rest.remove_prefix(comma + 1);
    }
    *this = Cluster();
    endpoint_ = endpoint;
    secret_ = std::move(secret);
    reconnect_ = reconnect_limit();
    clustered_ = seeds.size() > 1 || (clustered && seeds[0].path.empty());
    if (!clustered_) {
        ranges_.push_back({0, kSlots - 1, &shard_at(seeds[0]), {}, {}});
        known_ = true;
    }
    seeds_ = std::move(seeds);
    return {};
}

Shard& Cluster::shard_at(const Address& address) {
    for (const auto& shard : shards_) {
        if (shard->address.same_place(address)) {
            return *shard;
        }
    }
    shards_.push_back(std::make_unique<Shard>());
    shards_.back()->address = address;
    return *shards_.back();
}

ClientStatus Cluster::open_once(Shard& shard, Milliseconds connect_timeout, Deadline deadline) const {
    const auto left = std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now());
    return shard.connection.open(shard.address, std::clamp(left, Milliseconds{1}, connect_timeout), secret_);
}

ClientStatus Cluster::open(Shard& shard, Milliseconds connect_timeout, Deadline deadline) const {
    if (shard.connection.is_open()) {
        return {};
    }
    const Deadline patience = std::min(deadline, std::chrono::steady_clock::now() + reconnect_);
    ClientStatus s = open_once(shard, connect_timeout, deadline);
    while (!s && s.code() == Code::connection && shard.met && std::chrono::steady_clock::now() < patience) {
        std::this_thread::sleep_for(kAskAgain);
        s = open_once(shard, connect_timeout, deadline);
    }
    shard.met = shard.met || s;
    return s;
}

const SlotRange* Cluster::range_of(unsigned slot) const {
    const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), slot,
                                        [](unsigned s, const SlotRange& r) { return s < r.low; });
    return after != ranges_.begin() && slot <= (after - 1)->high ? &*(after - 1) : nullptr;
}

ClientStatus Cluster::learn(Milliseconds connect_timeout, Deadline deadline) {
    if (known_) {
        return {};
    }
    // Whoever was connected knows best; the addresses that were given come after.
    std::vector<Shard*> candidates;
    for (const auto& shard : shards_) {
        candidates.push_back(shard.get());
    }
    std::stable_partition(candidates.begin(), candidates.end(), [](const Shard* s) { return s->connection.is_open(); });
    for (const Address& seed : seeds_) {
        Shard* shard = &shard_at(seed);
        if (std::find(candidates.begin(), candidates.end(), shard) == candidates.end()) {
            candidates.push_back(shard);
        }
    }
    ClientStatus status;
    for (Shard* shard : candidates) {
        status = open(*shard, connect_timeout, deadline);
        if (status) {
            status = ask(*shard, deadline);
        }
        if (status) {
            known_ = true;
            return status;
        }
    }
    return status;
}

ClientStatus Cluster::ask(Shard& shard, Deadline deadline) {
    Request request;
    request.add(std::vector<std::string>{"CLUSTER", "SLOTS"});
    std::vector<Reply> replies;
    if (ClientStatus s = shard.connection.exchange(request, deadline, replies); !s) {
        return s;
    }
    const redisReply& reply = *replies[0];
    if (reply.type == REDIS_REPLY_ERROR) {
        return {Code::server,
                "CLUSTER SLOTS: database " + shard.address.text + " answered: " + std::string(reply.str, reply.len)};
    }
    return take_slots(reply, shard) ? ClientStatus()
                                    : ClientStatus(Code::mismatch, "CLUSTER SLOTS: database " + shard.address.text +
                                                                       " did not tell which shard has which slots");
}

// For every range: its lowest slot, its highest, and the shard: address, port, id. A shard that does not know its own
// address leaves it empty: it is the one that was asked.
bool Cluster::take_slots(const redisReply& reply, const Shard& asked) {
    std::vector<SlotRange> ranges;
    for (std::size_t i = 0; reply.type == REDIS_REPLY_ARRAY && i < reply.elements; ++i) {
        const redisReply& range = *reply.element[i];
        if (range.type != REDIS_REPLY_ARRAY || range.elements < 3 || range.element[0]->type != REDIS_REPLY_INTEGER ||
            range.element[1]->type != REDIS_REPLY_INTEGER || range.element[2]->type != REDIS_REPLY_ARRAY ||
            range.element[2]->elements < 2) {
            return false;
        }
        const long long low = range.element[0]->integer;
        const long long high = range.element[1]->integer;
        const redisReply& host = *range.element[2]->element[0];
        const redisReply& port = *range.element[2]->element[1];
        if (low < 0 || high < low || high >= static_cast<long long>(kSlots) || port.type != REDIS_REPLY_INTEGER) {
            return false;
        }
        const std::string_view given = text_is(host) ? std::string_view(host.str, host.len) : std::string_view();
        Address address;
        if (!parse_address(tcp_text(given.empty() || given == "?" ? asked.address.host : given, port.integer),
                           address)) {
            return false;
        }
        ranges.push_back({static_cast<unsigned>(low),
                          static_cast<unsigned>(high),
                          &shard_at(address),
                          shard_prefix(static_cast<unsigned>(low)),
                          {}});
    }
    std::sort(ranges.begin(), ranges.end(), [](const SlotRange& a, const SlotRange& b) { return a.low < b.low; });
    for (SlotRange& range : ranges) {
        const Shard* shard = range.shard;
        range.home = std::find_if(ranges.begin(), ranges.end(), [shard](const SlotRange& r) {
                         return r.shard == shard;
                     })->prefix;
    }
    ranges_ = std::move(ranges);
    return !ranges_.empty();
}

}  // namespace inferstep::client
