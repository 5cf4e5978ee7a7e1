// Several steps in one command: AI.DAGEXECUTE.
#include "db/client/client_impl.hpp"
#include "db/client/tensor_reply.hpp"

namespace inferstep {

using client::Bytes;
using client::Reply;
using client::Request;
using client::SlotRange;
using client::Words;
using Code = ClientStatus::Code;

struct Dag::Impl {
    enum class Kind : std::uint8_t { put, run, get };
    struct Step {
        Kind kind;
        Words words;    // the command; of a run, the second is the name, which a cluster changes
        Bytes payload;  // of a put: the last argument
        TensorOut out;  // of a get; its key is in `words`
    };
    std::vector<Step> steps;
    Words load, persist;
    std::string first_key;  // of a tensor: it chooses the shard
    ClientStatus error;     // the first mistake

    void refuse(ClientStatus s) {
        if (error && !s) {
            error = std::move(s);
        }
    }
    void key(std::string_view name) {
        if (first_key.empty()) {
            first_key = name;
        }
    }
    void run(const client::Run& what, const Words& inputs, const Words& outputs) {
        if (inputs.empty() || outputs.empty()) {
            refuse({Code::usage, std::string(what.name) + ": an input and an output must be named"});
        }
        Words words{what.command, std::string(what.name)};
        if (!what.function.empty()) {
            words.emplace_back(what.function);
        }
        client::append_list(words, "INPUTS", inputs);
        client::append_list(words, "OUTPUTS", outputs);
        steps.push_back({Kind::run, std::move(words), {}, {}});
    }
    ClientStatus find(const Client::Impl& client, const SlotRange*& range) const;
    Request request(const SlotRange& range, bool clustered, std::chrono::milliseconds timeout) const;
    ClientStatus take(const redisReply& reply, const client::Shard& shard) const;
};

Dag::Dag() : impl_(std::make_unique<Impl>()) {}
Dag::~Dag() = default;
Dag::Dag(Dag&&) noexcept = default;
Dag& Dag::operator=(Dag&&) noexcept = default;

Dag& Dag::load(std::string_view key) {
    impl_->key(key);
    impl_->load.emplace_back(key);
    return *this;
}

Dag& Dag::persist(std::string_view key) {
    impl_->key(key);
    impl_->persist.emplace_back(key);
    return *this;
}

Dag& Dag::put(const TensorIn& tensor) {
    Bytes payload;
    impl_->refuse(client::payload_of(tensor, payload));
    impl_->key(tensor.key);
    impl_->steps.push_back({Impl::Kind::put, client::tensor_set(tensor), payload, {}});
    return *this;
}

Dag& Dag::run_model(std::string_view model, const Words& inputs, const Words& outputs) {
    impl_->run({"AI.MODELEXECUTE", model, {}, true}, inputs, outputs);
    return *this;
}

Dag& Dag::run_script(std::string_view script, std::string_view function, const Words& inputs, const Words& outputs) {
    impl_->run({"AI.SCRIPTEXECUTE", script, function, true}, inputs, outputs);
    return *this;
}

Dag& Dag::get(const TensorOut& tensor) {
    impl_->steps.push_back({Impl::Kind::get, client::tensor_get(tensor.key), {}, tensor});
    return *this;
}

void Dag::check_count(std::string_view key, std::span<const std::int64_t> shape, std::size_t count) {
    impl_->refuse(Client::check_count(key, shape, count));
}

// Where all of its keys lie. One without keys runs on the shard that its first tensor's name chooses.
ClientStatus Dag::Impl::find(const Client::Impl& client, const SlotRange*& range) const {
    if (!error) {
        return error;
    }
    if (steps.empty()) {
        return {Code::usage, "AI.DAGEXECUTE: there is no step to run"};
    }
    const Words& keys = load.empty() ? persist : load;
    if (ClientStatus s = client.find(keys.empty() ? first_key : keys[0], range); !s) {
        return s;
    }
    for (const Words* list : {&load, &persist}) {
        for (const std::string& key : *list) {
            if (!client.lies_on(*range->shard, key)) {
                return {Code::usage, "AI.DAGEXECUTE: key " + key + " lies on another shard than key " + keys[0] +
                                         ": keys with the same {tag} lie together"};
            }
        }
    }
    return {};
}

// LOAD, PERSIST or ROUTING must be there; a key to route by is none of the database.
Request Dag::Impl::request(const SlotRange& range, bool clustered, std::chrono::milliseconds timeout) const {
    Words head{"AI.DAGEXECUTE"};
    if (clustered) {
        head.insert(head.begin(), "AI._SHARD");
    }
    if (!load.empty()) {
        client::append_list(head, "LOAD", load);
    }
    if (!persist.empty()) {
        client::append_list(head, "PERSIST", persist);
    }
    if (load.empty() && persist.empty()) {
        head.emplace_back("ROUTING");
        head.push_back(range.own_name(first_key.empty() ? "dag" : first_key));
    }
    client::append_timeout(head, timeout);
    std::size_t count = head.size();
    for (const Step& step : steps) {
        count += 1 + step.words.size() + (step.kind == Kind::put ? 1 : 0);
    }
    Request request;
    request.begin(count, "AI.DAGEXECUTE");
    for (const std::string& word : head) {
        request.word(word);
    }
    for (const Step& step : steps) {
        request.word("|>");
        for (std::size_t i = 0; i < step.words.size(); ++i) {
            request.word(step.kind == Kind::run && i == 1 ? range.run_name(step.words[i]) : step.words[i]);
        }
        if (step.kind == Kind::put) {
            request.payload(step.payload);
        }
    }
    return request;
}

// One reply for each step; those after a failed one say that they were not executed.
ClientStatus Dag::Impl::take(const redisReply& reply, const client::Shard& shard) const {
    if (ClientStatus s = client::outcome(reply, "AI.DAGEXECUTE", shard); !s) {
        return s;
    }
    if (reply.type != REDIS_REPLY_ARRAY || reply.elements != steps.size()) {
        return {Code::mismatch, "AI.DAGEXECUTE: the database's answer has not one reply for each step"};
    }
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const Words& words = steps[i].words;
        const std::string name =
            "step " + std::to_string(i + 1) + " of " + std::to_string(steps.size()) + ", " + words[0] + " " + words[1];
        if (ClientStatus s = client::outcome(*reply.element[i], name, shard); !s) {
            return s;
        }
    }
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].kind != Kind::get) {
            continue;
        }
        TensorOut out = steps[i].out;
        out.key = steps[i].words[1];
        if (ClientStatus s = client::copy_tensor(*reply.element[i], out); !s) {
            return s;
        }
    }
    return {};
}

ClientStatus Client::run(const Dag& dag, Milliseconds timeout) {
    const Milliseconds limit = impl_->limit(timeout);
    const client::Deadline deadline = std::chrono::steady_clock::now() + limit + client::kGrace;
    for (bool again = false;; again = true) {
        const SlotRange* range = nullptr;
        ClientStatus s = impl_->ready("AI.DAGEXECUTE", deadline);
        s = s ? dag.impl_->find(*impl_, range) : s;
        if (!s) {
            return s;
        }
        client::Shard& shard = *range->shard;
        std::vector<Reply> replies;
        s = impl_->exchange(shard, dag.impl_->request(*range, impl_->cluster.clustered(), limit), deadline, replies);
        if (!s) {
            return s;
        }
        if (again || !client::is_elsewhere(*replies[0])) {
            return dag.impl_->take(*replies[0], shard);
        }
        impl_->cluster.doubt();  // slots have moved since we looked, and nothing was executed
    }
}

}  // namespace inferstep
