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
    return impl_->run({"AI.MODELEXECUTE", model, {}, true}, inputs, outputs, impl_->limit(timeout));
}

ClientStatus Client::infer(std::string_view model, const TensorIn& input, const TensorOut& output,
                           Milliseconds timeout) {
    const Milliseconds limit = impl_->limit(timeout);
    const client::Deadline deadline = std::chrono::steady_clock::now() + limit + kGrace;
    Bytes payload;
    ClientStatus s = client::payload_of(input, payload);
    s = s ? impl_->ready("infer", deadline) : s;
    const client::SlotRange* range = nullptr;
    s = s ? impl_->find(input.key, range) : s;
    if (!s) {
        return s;
    }
    client::Shard& shard = *range->shard;
    if (impl_->lies_on(shard, output.key)) {
        Request request;
        if (!impl_->arena.put(input, payload)) {
            request.add(client::tensor_set(input), {&payload, 1});
        }
        Words run = client::run_words({"AI.MODELEXECUTE", model, {}, true}, range->run_name(model),
                                      {std::string(input.key)}, {std::string(output.key)}, limit);
        if (impl_->cluster.clustered()) {
            run.insert(run.begin(), "AI._SHARD");
        }
        request.add(run);
        request.add(impl_->arena.get(output.key, output.bytes));
        std::vector<Reply> replies;
        if (s = impl_->exchange(shard, request, deadline, replies); !s) {
            impl_->arena.end_loan();
            return s;
        }
        // Slots have moved, and nothing was executed: then step by step, each of which knows what to do.
        const redisReply& ran = *replies[replies.size() - 2];
        const bool moved = client::is_elsewhere(*replies[0]) || client::is_elsewhere(ran);
        if (!moved || client::error_of(ran).empty()) {
            for (std::size_t i = 0; s && i < replies.size(); ++i) {
                s = client::outcome(*replies[i], request.name(i), shard);
            }
            if (!s) {
                impl_->arena.end_loan();
            }
            return s ? impl_->take_tensor(*replies.back(), output) : s;
        }
        impl_->cluster.doubt();
    }
    s = put_tensor(input);
    s = s ? run_model(model, {std::string(input.key)}, {std::string(output.key)}, timeout) : s;
    return s ? get_tensor(output) : s;
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
    client::append_option(words, "THREADS", std::to_string(options.threads));
    client::append_option(words, "PRECISION", options.precision);
    words.emplace_back("BLOB");
    std::vector<Bytes> pieces;
    for (std::size_t at = 0; at < file.size(); at += kModelPiece) {
        pieces.push_back(file.subspan(at, std::min(kModelPiece, file.size() - at)));
    }
    return impl_->call_everywhere(name, std::move(words), impl_->limit(options.timeout), pieces);
}

ClientStatus Client::get_model(std::string_view name, std::vector<std::byte>& file) {
    Reply reply;
    if (ClientStatus s = impl_->call_first(name, {"AI.MODELGET", {}, "BLOB"}, reply); !s) {
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
    return impl_->call_everywhere(name, {"AI.MODELDEL", {}}, impl_->options.command_timeout);
}

ClientStatus Client::model_exists(std::string_view name, bool& exists) {
    return impl_->exists_everywhere(name, exists);
}

}  // namespace inferstep
