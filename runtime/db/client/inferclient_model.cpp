// The calls for models.
#include <algorithm>

#include "db/client/client_impl.hpp"
#include "db/client/tensor_reply.hpp"

namespace inferstep {
namespace {

// Redis refuses a string longer than 512 MiB, so a model is sent in pieces below that.
constexpr std::size_t kModelPiece = std::size_t{511} << 20;

}  // namespace

using client::Bytes;
using client::kGrace;
using client::Reply;
using client::Request;
using client::Words;
using Code = ClientStatus::Code;

ClientStatus Client::run_model(std::string_view model, const Words& inputs, const Words& outputs,
                               Milliseconds timeout) {
    const Milliseconds limit = impl_->limit(timeout);
    Reply reply;
    return impl_->call(client::model_execute(model, inputs, outputs, limit), limit + kGrace, reply);
}

ClientStatus Client::infer(std::string_view model, const TensorIn& input, const TensorOut& output,
                           Milliseconds timeout) {
    Bytes payload;
    if (ClientStatus s = client::payload_of(input, payload); !s) {
        return s;
    }
    const Milliseconds limit = impl_->limit(timeout);
    Request request;
    request.add(client::tensor_set(input), {&payload, 1});
    request.add(client::model_execute(model, {std::string(input.key)}, {std::string(output.key)}, limit));
    request.add(client::tensor_get(output.key));
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
    client::append_option(words, "TAG", options.tag);
    client::append_option(words, "BATCHSIZE", std::to_string(options.batch_size));
    client::append_option(words, "MINBATCHSIZE", std::to_string(options.min_batch_size));
    client::append_option(words, "MINBATCHTIMEOUT", std::to_string(options.min_batch_timeout_ms));
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

}  // namespace inferstep
