#include "db/client/client_impl.hpp"

namespace inferstep {

namespace client {

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

Words model_execute(std::string_view model, const Words& inputs, const Words& outputs,
                    std::chrono::milliseconds timeout) {
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

}  // namespace client

using client::Bytes;
using client::Reply;
using client::Request;
using client::Words;
using Code = ClientStatus::Code;

ClientStatus Client::Impl::call(const Request& request, Milliseconds timeout, std::vector<Reply>& replies) {
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

ClientStatus Client::Impl::call(const Words& words, Milliseconds timeout, Reply& reply,
                                std::span<const Bytes> payloads) {
    Request request;
    request.add(words, payloads);
    std::vector<Reply> replies;
    if (ClientStatus s = call(request, timeout, replies); !s) {
        return s;
    }
    reply = std::move(replies[0]);
    return {};
}

ClientStatus Client::Impl::call_for_flag(const Words& words, bool& flag) {
    Reply reply;
    if (ClientStatus s = call(words, options.command_timeout, reply); !s) {
        return s;
    }
    flag = reply->type == REDIS_REPLY_INTEGER && reply->integer > 0;
    return {};
}

}  // namespace inferstep
