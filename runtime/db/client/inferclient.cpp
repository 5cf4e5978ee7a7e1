#include "db/client/inferclient.hpp"

#include <strings.h>

#include <array>
#include <cstdlib>
#include <map>

#include "db/client/client_impl.hpp"
#include "db/client/secret.hpp"
#include "db/client/tensor_reply.hpp"

namespace inferstep {
namespace {

using client::Bytes;
using client::Reply;
using client::Words;
using Code = ClientStatus::Code;
using Milliseconds = Client::Milliseconds;

constexpr std::size_t kDirect = std::size_t{16} << 10;  // tensors from here on are received where they belong

std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : std::string_view();
}

std::string answer_text(const redisReply& reply) {
    switch (reply.type) {
        case REDIS_REPLY_INTEGER:
            return std::to_string(reply.integer);
        case REDIS_REPLY_NIL:
            return "(nil)";
        case REDIS_REPLY_ARRAY: {
            std::string all;
            for (std::size_t i = 0; i < reply.elements; ++i) {
                all += (i > 0 ? "\n" : "") + answer_text(*reply.element[i]);
            }
            return all;
        }
        default:
            return {reply.str, reply.len};
    }
}

}  // namespace

std::size_t bytes_of(TensorType type) {
    constexpr std::array<std::size_t, 9> kBytes{4, 8, 1, 2, 4, 8, 1, 2, 1};
    return kBytes.at(static_cast<std::size_t>(type));
}

const char* name_of(TensorType type) {
    constexpr std::array<const char*, 9> kNames{"FLOAT", "DOUBLE", "INT8",   "INT16", "INT32",
                                                "INT64", "UINT8",  "UINT16", "BOOL"};
    return kNames.at(static_cast<std::size_t>(type));
}

Client::Client() : impl_(std::make_unique<Impl>()) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

const std::string& Client::endpoint() const { return impl_->cluster.endpoint(); }

ClientStatus Client::connect(std::string_view endpoint, const ConnectOptions& options) {
    if (endpoint.empty()) {
        endpoint = variable("SSDB");
        if (endpoint.empty()) {
            return {Code::usage, "no database is named: the environment variable SSDB is not set"};
        }
    }
    if (options.connect_timeout <= Milliseconds{0} || options.command_timeout <= Milliseconds{0}) {
        return {Code::usage, "a timeout must be longer than zero"};
    }
    client::Cluster cluster;
    const bool clustered = variable("SR_DB_TYPE") == "Clustered";
    std::string secret;
    if (ClientStatus s = client::read_secret(endpoint, secret); !s) {
        return s;
    }
    if (ClientStatus s = cluster.name(endpoint, clustered, std::move(secret)); !s) {
        return s;
    }
    impl_->cluster = std::move(cluster);
    impl_->options = options;
    impl_->connected_once = true;
    impl_->arena.turn_off();
    ClientStatus s = impl_->call_anyone({"PING"}, options.connect_timeout);
    if (s && !impl_->cluster.clustered() && !impl_->cluster.ranges().front().shard->address.path.empty()) {
        impl_->arena.begin();
    }
    return s;
}

ClientStatus Client::put_tensor(const TensorIn& tensor) {
    Bytes payload;
    if (ClientStatus s = client::payload_of(tensor, payload); !s) {
        return s;
    }
    if (impl_->arena.put(tensor, payload)) {
        return impl_->arena.outcome({});
    }
    Reply reply;
    return impl_->call(tensor.key, client::tensor_set(tensor), impl_->options.command_timeout, reply, {&payload, 1});
}

ClientStatus Client::get_tensor(const TensorOut& tensor) {
    Reply reply;
    const Words words = impl_->arena.get(tensor.key, tensor.bytes);
    client::TensorRoom room{tensor.type, {static_cast<std::byte*>(tensor.data), tensor.bytes}};
    client::TensorRoom* direct = tensor.bytes >= kDirect ? &room : nullptr;
    if (ClientStatus s = impl_->call(tensor.key, words, impl_->options.command_timeout, reply, {}, direct); !s) {
        impl_->arena.end_loan();
        return s;
    }
    return impl_->take_tensor(*reply, tensor, room.filled);
}

ClientStatus Client::get_tensor(std::string_view key, Tensor& tensor) {
    Reply reply;
    if (ClientStatus s = impl_->call(key, client::tensor_get(key), impl_->options.command_timeout, reply); !s) {
        return s;
    }
    return client::copy_tensor(*reply, key, tensor);
}

ClientStatus Client::delete_tensor(std::string_view key) { return delete_tensors({std::string(key)}); }

ClientStatus Client::delete_tensors(const Words& keys) {
    std::map<unsigned, Words> commands;  // by slot
    for (const std::string& key : keys) {
        Words& words = commands[impl_->cluster.clustered() ? client::slot_of(key) : 0];
        if (words.empty()) {
            words.emplace_back("DEL");
        }
        words.push_back(key);
    }
    for (const auto& [slot, words] : commands) {
        Reply reply;
        if (ClientStatus s = impl_->call(words[1], words, impl_->options.command_timeout, reply); !s) {
            return s;
        }
    }
    return {};
}

ClientStatus Client::tensor_exists(std::string_view key, bool& exists) {
    return impl_->call_for_flag(key, {"EXISTS", std::string(key)}, exists);
}

ClientStatus Client::ping() { return impl_->call_anyone({"PING"}, impl_->options.command_timeout); }

ClientStatus Client::info(std::string& text, std::string_view section) {
    return command({"INFO", std::string(section)}, text);
}

ClientStatus Client::command(const Words& words, std::string& answer, Milliseconds timeout) {
    if (words.empty()) {
        return {Code::usage, "a command needs a name"};
    }
    if (strcasecmp(words[0].c_str(), "select") == 0 || strcasecmp(words[0].c_str(), "multi") == 0) {
        impl_->arena.turn_off();  // it knows of no other database and no transaction
    }
    Reply reply;
    if (ClientStatus s = impl_->call(words[words.size() > 1 ? 1 : 0], words, impl_->limit(timeout), reply); !s) {
        return s;
    }
    answer = answer_text(*reply);
    return {};
}

ClientStatus Client::check_count(std::string_view key, std::span<const std::int64_t> shape, std::size_t count) {
    std::size_t wanted = 0;
    if (ClientStatus s = client::element_count(key, shape, wanted); !s) {
        return s;
    }
    return wanted == count
               ? ClientStatus()
               : ClientStatus(Code::usage, "tensor " + std::string(key) + ": its shape has " + std::to_string(wanted) +
                                               " elements, but " + std::to_string(count) + " were given");
}

}  // namespace inferstep
