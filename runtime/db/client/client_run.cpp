// Running models and scripts, where the first input lies.
//
// Redis refuses a command whose keys have different slots, even where all of them lie on the shard; AI._SHARD, which
// names no keys to Redis and checks them itself, has no such limit. So an execution is one command in a cluster, too.
// Only a key that lies on another shard has to be carried, and costs its round trips: those who mind give their keys a
// common {tag}.
#include <unistd.h>

#include <random>

#include "db/client/client_impl.hpp"
#include "db/client/tensor_reply.hpp"

namespace inferstep {

using client::Reply;
using client::Request;
using client::Run;
using client::Words;
using Code = ClientStatus::Code;

namespace {

// A name on the shard of `range` that no other process or thread has. It is the same every time: one that is killed
// leaves one tensor behind, not many.
std::string temporary(const client::SlotRange& range, const std::string& key) {
    static thread_local const std::string own = std::to_string(std::random_device{}());
    return range.own_name(key) + "." + own + "." + std::to_string(getpid()) + ".TMP";
}

}  // namespace

ClientStatus Client::Impl::run(const Run& what, const Words& inputs, const Words& outputs, Milliseconds timeout) {
    if (!cluster.clustered()) {
        Reply reply;
        return call(what.name, client::run_words(what, std::string(what.name), inputs, outputs, timeout),
                    timeout + client::kGrace, reply);
    }
    bool elsewhere = false;
    ClientStatus s = run_on_shard(what, inputs, outputs, timeout, elsewhere);
    if (elsewhere) {  // slots have moved since we looked, and nothing was executed
        cluster.doubt();
        s = run_on_shard(what, inputs, outputs, timeout, elsewhere);
    }
    return s;
}

ClientStatus Client::Impl::run_on_shard(const Run& what, const Words& inputs, const Words& outputs,
                                        Milliseconds timeout, bool& elsewhere) {
    const client::Deadline deadline = std::chrono::steady_clock::now() + timeout + client::kGrace;
    ClientStatus s = ready(what.command, deadline);
    const client::SlotRange* found = nullptr;
    s = s ? find(inputs.empty() ? what.name : std::string_view(inputs[0]), found) : s;
    if (!s) {
        return s;
    }
    const client::SlotRange range = *found;  // carrying tensors may bring news of the cluster
    Words ins = inputs;
    Words outs = outputs;
    Words temporaries;
    for (Words* list : {&ins, &outs}) {
        for (std::string& key : *list) {
            if (lies_on(*range.shard, key)) {
                continue;
            }
            temporaries.push_back(temporary(range, key));
            if (list == &ins && s) {
                s = copy(key, temporaries.back());
            }
            key = temporaries.back();
        }
    }
    if (s) {
        Words words{"AI._SHARD"};
        const Words command = client::run_words(what, range.run_name(what.name), ins, outs, timeout);
        words.insert(words.end(), command.begin(), command.end());
        Request request;
        request.add(words);
        std::vector<Reply> replies;
        s = exchange(*range.shard, request, deadline, replies);
        elsewhere = s && client::is_elsewhere(*replies[0]);
        s = s ? client::outcome(*replies[0], what.command + (" " + std::string(what.name)), *range.shard) : s;
    }
    for (std::size_t i = 0; s && i < outs.size(); ++i) {
        s = outs[i] == outputs[i] ? s : copy(outs[i], outputs[i]);
    }
    if (!temporaries.empty()) {
        Words words{"DEL"};
        words.insert(words.end(), temporaries.begin(), temporaries.end());
        Reply reply;
        const ClientStatus deleted = call(temporaries[0], words, options.command_timeout, reply);
        s = s ? deleted : s;
    }
    return s;
}

ClientStatus Client::Impl::copy(const std::string& from, const std::string& to) {
    Reply reply;
    Tensor tensor;
    ClientStatus s = call(from, client::tensor_get(from), options.command_timeout, reply);
    s = s ? client::copy_tensor(*reply, from, tensor) : s;
    if (!s) {
        return s;
    }
    const TensorIn in{to, tensor.type, tensor.shape, tensor.data.data()};
    const client::Bytes payload = tensor.data;
    return call(to, client::tensor_set(in), options.command_timeout, reply, {&payload, 1});
}

}  // namespace inferstep
