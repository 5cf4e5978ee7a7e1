#include "db/client/client_impl.hpp"

#include "db/client/tensor_reply.hpp"

namespace inferstep {

namespace client {

using Code = ClientStatus::Code;

Words tensor_set(const TensorIn& tensor) {
    Words words{"AI.TENSORSET", std::string(tensor.key), name_of(tensor.type)};
    for (const std::int64_t d : tensor.shape) {
        words.push_back(std::to_string(d));
    }
    words.emplace_back("BLOB");
    return words;
}

Words tensor_get(std::string_view key) { return {"AI.TENSORGET", std::string(key), "META", "BLOB"}; }

void append_list(Words& words, const char* name, const Words& list) {
    words.emplace_back(name);
    words.push_back(std::to_string(list.size()));
    words.insert(words.end(), list.begin(), list.end());
}

void append_option(Words& words, const char* name, const std::string& value) {
    if (!value.empty() && value != "0") {
        words.emplace_back(name);
        words.push_back(value);
    }
}

void append_timeout(Words& words, std::chrono::milliseconds timeout) {
    words.emplace_back("TIMEOUT");
    words.push_back(std::to_string(timeout.count()));
}

Words run_words(const Run& run, const std::string& name, const Words& inputs, const Words& outputs,
                std::chrono::milliseconds timeout) {
    Words words{run.command, name};
    if (!run.function.empty()) {
        words.emplace_back(run.function);
    }
    if (run.counted) {
        append_list(words, "INPUTS", inputs);
        append_list(words, "OUTPUTS", outputs);
        append_timeout(words, timeout);
        return words;
    }
    append_timeout(words, timeout);
    words.emplace_back("INPUTS");
    words.insert(words.end(), inputs.begin(), inputs.end());
    words.emplace_back("OUTPUTS");
    words.insert(words.end(), outputs.begin(), outputs.end());
    return words;
}

std::string_view error_of(const redisReply& reply) {
    return reply.type == REDIS_REPLY_ERROR ? std::string_view(reply.str, reply.len) : std::string_view();
}

bool is_elsewhere(const redisReply& reply) {
    const std::string_view error = error_of(reply);
    return error.starts_with("MOVED ") || error.starts_with("ASK ") || error.starts_with("CROSSSHARD ");
}

ClientStatus outcome(const redisReply& reply, const std::string& command, const Shard& shard) {
    if (const std::string_view error = error_of(reply); !error.empty()) {
        const char* hint = error.starts_with("OOM ") ? " (--infer-db-memory gives the databases more)" : "";
        return {Code::server, command + ": database " + shard.address.text + " answered: " + std::string(error) + hint};
    }
    if (reply.type == REDIS_REPLY_STATUS && std::string_view(reply.str, reply.len) == "TIMEDOUT") {
        return {Code::timeout, command + ": database " + shard.address.text + " gave up: it was not its turn in time"};
    }
    return {};
}

}  // namespace client

using client::Bytes;
using client::Reply;
using client::Request;
using client::Shard;
using client::Words;
using Code = ClientStatus::Code;

namespace {

// A cluster at rest sends a client on once; one that is being changed, a few times.
constexpr int kMostHops = 5;

// "MOVED 3999 10.0.0.7:6379" and the same with ASK. A shard that does not know its host leaves that out.
bool sent_to(std::string_view error, const Shard& by, client::Address& address) {
    const std::size_t space = error.rfind(' ');
    const std::string_view place = error.substr(space + 1);
    const std::string host = place.starts_with(':') ? client::tcp_text(by.address.host, 0) : "";
    return static_cast<bool>(client::parse_address(
        host.empty() ? "tcp://" + std::string(place) : host.substr(0, host.rfind(':')) + std::string(place), address));
}

}  // namespace

ClientStatus Client::Impl::ready(const std::string& command, client::Deadline deadline) {
    if (!connected_once) {
        return {Code::usage, command + ": connect() was not called"};
    }
    return cluster.learn(options.connect_timeout, deadline);
}

ClientStatus Client::Impl::find(std::string_view key, const client::SlotRange*& range) const {
    range = cluster.clustered() ? cluster.range_of(client::slot_of(key)) : &cluster.ranges().front();
    return range != nullptr ? ClientStatus()
                            : ClientStatus(Code::server, "key " + std::string(key) + ": no shard of the cluster " +
                                                             cluster.endpoint() + " has its slot");
}

bool Client::Impl::lies_on(const Shard& shard, std::string_view key) const {
    const client::SlotRange* range = nullptr;
    return find(key, range) && range->shard == &shard;
}

ClientStatus Client::Impl::exchange(Shard& shard, const Request& request, client::Deadline deadline,
                                    std::vector<Reply>& replies, client::TensorRoom* tensor) {
    if (!shard.connection.is_open()) {
        arena.leave();
    }
    ClientStatus s = cluster.open(shard, options.connect_timeout, deadline);
    if (s) {
        s = arena.outcome(shard.connection.exchange(request, deadline, replies, tensor));
        // The database was started again since the last call. Nothing is done twice, and no put that had returned may
        // be missing without a word.
        if (!s && shard.connection.unsent() && !arena.owes()) {
            arena.leave();
            replies.clear();
            s = cluster.open(shard, options.connect_timeout, deadline);
            s = s ? shard.connection.exchange(request, deadline, replies, tensor) : s;
        }
    }
    if (!shard.connection.is_open()) {
        arena.leave();  // the database may still write where it was lent room
    }
    if (!s && cluster.clustered()) {
        cluster.doubt();
    }
    return s;
}

ClientStatus Client::Impl::call(std::string_view key, const Words& words, Milliseconds timeout, Reply& reply,
                                std::span<const Bytes> payloads, client::TensorRoom* tensor) {
    const client::Deadline deadline = std::chrono::steady_clock::now() + timeout;
    Request request;
    request.add(words, payloads);
    const client::SlotRange* range = nullptr;
    ClientStatus s = ready(request.name(0), deadline);
    s = s ? find(key, range) : s;
    if (!s) {
        return s;
    }
    Shard* shard = range->shard;
    for (int hop = 0;; ++hop) {
        std::vector<Reply> replies;
        if (s = exchange(*shard, request, deadline, replies, tensor); !s) {
            return s;
        }
        reply = std::move(replies.back());
        const std::string_view error = client::error_of(*reply);
        const bool ask = error.starts_with("ASK ");
        client::Address address;
        if (hop == kMostHops || !cluster.clustered() || !(ask || error.starts_with("MOVED ")) ||
            !sent_to(error, *shard, address)) {
            return client::outcome(*reply, request.name(request.commands() - 1), *shard);
        }
        if (!ask) {
            cluster.doubt();
        }
        shard = &cluster.shard_at(address);
        request = Request();
        if (ask) {
            request.add(Words{"ASKING"});
        }
        request.add(words, payloads);
    }
}

ClientStatus Client::Impl::take_tensor(const redisReply& reply, const TensorOut& tensor, bool filled) {
    ClientStatus s = client::copy_tensor(reply, tensor, arena.data(), filled);
    arena.end_loan();
    return s;
}

ClientStatus Client::Impl::call_anyone(const Words& words, Milliseconds timeout) {
    const client::Deadline deadline = std::chrono::steady_clock::now() + timeout;
    if (ClientStatus s = ready(words[0], deadline); !s) {
        return s;
    }
    Request request;
    request.add(words);
    std::vector<Reply> replies;
    Shard& shard = *cluster.ranges().front().shard;
    ClientStatus s = exchange(shard, request, deadline, replies);
    return s ? client::outcome(*replies[0], words[0], shard) : s;
}

ClientStatus Client::Impl::call_for_flag(std::string_view key, const Words& words, bool& flag) {
    Reply reply;
    if (ClientStatus s = call(key, words, options.command_timeout, reply); !s) {
        return s;
    }
    flag = reply->type == REDIS_REPLY_INTEGER && reply->integer > 0;
    return {};
}

ClientStatus Client::Impl::own_names(std::string_view name, Words& names) {
    if (ClientStatus s = ready(std::string(name), std::chrono::steady_clock::now() + options.command_timeout); !s) {
        return s;
    }
    for (const client::SlotRange& range : cluster.ranges()) {
        names.push_back(range.own_name(name));
    }
    return {};
}

ClientStatus Client::Impl::call_everywhere(std::string_view name, Words words, Milliseconds timeout,
                                           std::span<const Bytes> payloads) {
    Words names;
    ClientStatus first = own_names(name, names);
    for (std::string& own : names) {
        words[1] = std::move(own);
        Reply reply;
        ClientStatus s = call(words[1], words, timeout, reply, payloads);
        first = first ? s : first;
    }
    return first;
}

ClientStatus Client::Impl::call_first(std::string_view name, Words words, Reply& reply) {
    Words names;
    if (ClientStatus s = own_names(name, names); !s) {
        return s;
    }
    words[1] = std::move(names.front());
    return call(words[1], words, options.command_timeout, reply);
}

ClientStatus Client::Impl::exists_everywhere(std::string_view name, bool& exists) {
    Words names;
    ClientStatus s = own_names(name, names);
    exists = static_cast<bool>(s);
    for (std::size_t i = 0; s && exists && i < names.size(); ++i) {
        s = call_for_flag(names[i], {"EXISTS", names[i]}, exists);
    }
    return s;
}

}  // namespace inferstep
