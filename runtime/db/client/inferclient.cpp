#include "db/client/inferclient.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "db/client/connection.hpp"
#include "db/client/tensor_reply.hpp"

namespace inferstep {
namespace {

using client::Bytes;
using client::Reply;
using client::Request;
using Code = ClientStatus::Code;
using Milliseconds = Client::Milliseconds;
using Words = std::vector<std::string>;

// Redis refuses a string longer than 512 MiB, so a model is sent in pieces below that.
constexpr std::size_t kModelPiece = std::size_t{511} << 20;
// How much longer than the database's own limit we wait, so that its answer "timed out" arrives.
constexpr Milliseconds kGrace{500};

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

Words model_execute(std::string_view model, const Words& inputs, const Words& outputs, Milliseconds timeout) {
    Words words{"AI.MODELEXECUTE", std::string(model)};
    append_list(words, "INPUTS", inputs);
    append_list(words, "OUTPUTS", outputs);
    words.emplace_back("TIMEOUT");
    words.push_back(std::to_string(timeout.count()));
    return words;
}

void append_option(Words& words, const char* name, const std::string& value) {
    if (!value.empty() && value != "0") {
        words.emplace_back(name);
        words.push_back(value);
    }
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

struct Client::Impl {
    client::Address address;
    ConnectOptions options;
    client::Connection connection;
    bool connected_once = false;

    Milliseconds limit(Milliseconds asked) const { return asked > Milliseconds{0} ? asked : options.command_timeout; }

    // Send the request and have every answer checked: the first error reply is the outcome.
    ClientStatus call(const Request& request, Milliseconds timeout, std::vector<Reply>& replies) {
        if (!connected_once) {
            return {Code::usage, request.name(0) + ": connect() was not called"};
        }
        if (!connection.is_open()) {
            if (ClientStatus s = connection.open(address, options.connect_timeout); !s) {
                return s;
            }
        }
        const client::Deadline deadline = std::chrono::steady_clock::now() + timeout;
        if (ClientStatus s = connection.exchange(request, deadline, replies); !s) {
            return s;
        }
        for (std::size_t i = 0; i < replies.size(); ++i) {
            const redisReply& reply = *replies[i];
            const std::string said(reply.str != nullptr ? reply.str : "", reply.str != nullptr ? reply.len : 0);
            if (reply.type == REDIS_REPLY_ERROR) {
                return {Code::server, request.name(i) + ": database " + address.text + " answered: " + said};
            }
            if (reply.type == REDIS_REPLY_STATUS && said == "TIMEDOUT") {
                return {Code::timeout,
                        request.name(i) + ": database " + address.text + " gave up: it was not its turn in time"};
            }
        }
        return {};
    }

    ClientStatus call(const Words& words, Milliseconds timeout, Reply& reply, std::span<const Bytes> payloads = {}) {
        Request request;
        request.add(words, payloads);
        std::vector<Reply> replies;
        if (ClientStatus s = call(request, timeout, replies); !s) {
            return s;
        }
        reply = std::move(replies[0]);
        return {};
    }

    ClientStatus call_for_flag(const Words& words, bool& flag) {
        Reply reply;
        if (ClientStatus s = call(words, options.command_timeout, reply); !s) {
            return s;
        }
        flag = reply->type == REDIS_REPLY_INTEGER && reply->integer > 0;
        return {};
    }
};

Client::Client() : impl_(std::make_unique<Impl>()) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

const std::string& Client::endpoint() const { return impl_->address.text; }

ClientStatus Client::connect(std::string_view endpoint, const ConnectOptions& options) {
    if (endpoint.empty()) {
        const char* ssdb = std::getenv("SSDB");
        if (ssdb == nullptr || *ssdb == '\0') {
            return {Code::usage, "no database is named: the environment variable SSDB is not set"};
        }
        endpoint = ssdb;
    }
    if (options.connect_timeout <= Milliseconds{0} || options.command_timeout <= Milliseconds{0}) {
        return {Code::usage, "a timeout must be longer than zero"};
    }
    if (ClientStatus s = client::parse_address(endpoint, impl_->address); !s) {
        return s;
    }
    impl_->options = options;
    impl_->connection.close();
    impl_->connected_once = true;
    Reply reply;
    return impl_->call({"PING"}, options.connect_timeout, reply);
}

ClientStatus Client::put_tensor(const TensorIn& tensor) {
    Bytes payload;
    if (ClientStatus s = client::payload_of(tensor, payload); !s) {
        return s;
    }
    Reply reply;
    return impl_->call(tensor_set(tensor), impl_->options.command_timeout, reply, {&payload, 1});
}

ClientStatus Client::get_tensor(const TensorOut& tensor) {
    Reply reply;
    if (ClientStatus s = impl_->call(tensor_get(tensor.key), impl_->options.command_timeout, reply); !s) {
        return s;
    }
    return client::copy_tensor(*reply, tensor);
}

ClientStatus Client::get_tensor(std::string_view key, Tensor& tensor) {
    Reply reply;
    if (ClientStatus s = impl_->call(tensor_get(key), impl_->options.command_timeout, reply); !s) {
        return s;
    }
    return client::copy_tensor(*reply, key, tensor);
}

ClientStatus Client::run_model(std::string_view model, const Words& inputs, const Words& outputs,
                               Milliseconds timeout) {
    const Milliseconds limit = impl_->limit(timeout);
    Reply reply;
    return impl_->call(model_execute(model, inputs, outputs, limit), limit + kGrace, reply);
}

ClientStatus Client::infer(std::string_view model, const TensorIn& input, const TensorOut& output,
                           Milliseconds timeout) {
    Bytes payload;
    if (ClientStatus s = client::payload_of(input, payload); !s) {
        return s;
    }
    const Milliseconds limit = impl_->limit(timeout);
    Request request;
    request.add(tensor_set(input), {&payload, 1});
    request.add(model_execute(model, {std::string(input.key)}, {std::string(output.key)}, limit));
    request.add(tensor_get(output.key));
    std::vector<Reply> replies;
    if (ClientStatus s = impl_->call(request, limit + kGrace, replies); !s) {
        return s;
    }
    return client::copy_tensor(*replies[2], output);
}

ClientStatus Client::set_model(std::string_view name, std::span<const std::byte> file,
                               const ModelStoreOptions& options) {
    if (file.empty()) {
        return {Code::usage, "model " + std::string(name) + ": its file is empty"};
    }
    Words words{"AI.MODELSTORE", std::string(name), options.backend, options.device};
    append_option(words, "TAG", options.tag);
    append_option(words, "BATCHSIZE", std::to_string(options.batch_size));
    append_option(words, "MINBATCHSIZE", std::to_string(options.min_batch_size));
    append_option(words, "MINBATCHTIMEOUT", std::to_string(options.min_batch_timeout_ms));
    words.emplace_back("BLOB");
    std::vector<Bytes> pieces;
    for (std::size_t at = 0; at < file.size(); at += kModelPiece) {
        pieces.push_back(file.subspan(at, std::min(kModelPiece, file.size() - at)));
    }
    Reply reply;
    return impl_->call(words, impl_->limit(options.timeout), reply, pieces);
}

ClientStatus Client::get_model(std::string_view name, std::vector<std::byte>& file) {
    Reply reply;
    if (ClientStatus s = impl_->call({"AI.MODELGET", std::string(name), "BLOB"}, impl_->options.command_timeout, reply);
        !s) {
        return s;
    }
    // One string, or the pieces of a long model in order.
    const bool pieces = reply->type == REDIS_REPLY_ARRAY;
    file.clear();
    for (std::size_t i = 0; i < (pieces ? reply->elements : 1); ++i) {
        const redisReply& piece = pieces ? *reply->element[i] : *reply;
        if (piece.type != REDIS_REPLY_STRING) {
            return {Code::mismatch,
                    "model " + std::string(name) + ": the database's answer is not the file of a model"};
        }
        const auto bytes = std::as_bytes(std::span(piece.str, piece.len));
        file.insert(file.end(), bytes.begin(), bytes.end());
    }
    return {};
}

ClientStatus Client::delete_model(std::string_view name) {
    Reply reply;
    return impl_->call({"AI.MODELDEL", std::string(name)}, impl_->options.command_timeout, reply);
}

ClientStatus Client::model_exists(std::string_view name, bool& exists) {
    return impl_->call_for_flag({"EXISTS", std::string(name)}, exists);
}

ClientStatus Client::delete_tensor(std::string_view key) {
    Reply reply;
    return impl_->call({"DEL", std::string(key)}, impl_->options.command_timeout, reply);
}

ClientStatus Client::tensor_exists(std::string_view key, bool& exists) {
    return impl_->call_for_flag({"EXISTS", std::string(key)}, exists);
}

ClientStatus Client::ping() {
    Reply reply;
    return impl_->call({"PING"}, impl_->options.command_timeout, reply);
}

ClientStatus Client::info(std::string& text, std::string_view section) {
    return command({"INFO", std::string(section)}, text);
}

ClientStatus Client::command(const Words& words, std::string& answer, Milliseconds timeout) {
    if (words.empty()) {
        return {Code::usage, "a command needs a name"};
    }
    Reply reply;
    if (ClientStatus s = impl_->call(words, impl_->limit(timeout), reply); !s) {
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
