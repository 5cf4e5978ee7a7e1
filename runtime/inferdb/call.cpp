#include "inferdb/call.hpp"

#include <algorithm>
#include <unordered_map>

#include "inferdb/arena.hpp"
#include "inferdb/engine.hpp"
#include "inferdb/keys.hpp"

namespace inferstep {
namespace {

// By client, on the main thread: who waits, in case it goes away.
std::unordered_map<redis::Blocked*, Call*>& calls() {
    static std::unordered_map<redis::Blocked*, Call*> all;
    return all;
}

class Name {
   public:
    Name(redis::Context* context, const std::string& text)
        : context_(context), string_(redis::CreateString(context, text.data(), text.size())) {}
    ~Name() { redis::FreeString(context_, string_); }
    Name(const Name&) = delete;
    Name& operator=(const Name&) = delete;
    redis::String* get() const { return string_; }

   private:
    redis::Context* context_;
    redis::String* string_;
};

}  // namespace

std::size_t Call::add_place(TensorRef tensor) {
    places.push_back(std::move(tensor));
    return places.size() - 1;
}

bool Call::is_due(const Step& step) const {
    return step.state == Step::State::pending &&
           std::all_of(step.inputs.begin(), step.inputs.end(),
                       [this](std::size_t place) { return places[place] != nullptr; });
}

// Admit the steps whose inputs are there, all or, with an error, none.
Result<std::vector<Call::Submission>> Call::begin_due(bool always) {
    std::vector<Submission> submissions;
    for (Step& step : steps) {
        if (!is_due(step)) {
            continue;
        }
        step.queue = &engine().queue(step.target->device());
        step.request->target = step.target;
        if (const Status status = step.queue->admit(*step.request, always); !status) {
            stop();
            return status.error();
        }
        step.state = Step::State::open;
        ++open_;
        step.request->output_count = step.outputs.size();
        step.request->done = [this, &step] { on_done(step); };
        for (const std::size_t place : step.inputs) {
            step.request->inputs.push_back(places[place]);
        }
        submissions.push_back({step.request, step.queue, step.target->ready ? nullptr : step.target});
    }
    return submissions;
}

// Without the lock: a request that is refused is done at once.
void Call::submit(const std::vector<Submission>& submissions) {
    for (const Submission& each : submissions) {
        if (!each.unready) {
            each.queue->submit(each.request);
            continue;
        }
        engine().post([each] {
            if (const Status status = each.unready->load(); status) {
                each.queue->submit(each.request);
            } else {
                each.queue->fail(each.request, status.error().message);
            }
        });
    }
}

// Begin nothing further and take out of the queues what waits there. How many steps will never be executed.
std::size_t Call::stop() {
    stopped_ = true;
    std::size_t dropped = 0;
    for (Step& step : steps) {
        const bool cancelled = step.state == Step::State::open && step.queue->cancel(*step.request);
        open_ -= cancelled ? 1 : 0;
        if (cancelled || step.state == Step::State::pending) {
            step.state = Step::State::dropped;
            ++dropped;
        }
    }
    return dropped;
}

// True for one caller, who is to unblock the client, and must not touch the call after that.
bool Call::has_ended() {
    const bool now = open_ == 0 && !ended_;
    ended_ = ended_ || now;
    return now;
}

// On a worker, or on the loader thread. Steps of a call that has begun are not refused: it had its turn to wait.
void Call::on_done(Step& step) {
    bool ended = false;
    std::vector<Submission> next;
    {
        const std::lock_guard lock(mutex_);
        step.state = Step::State::ended;
        --open_;
        if (step.error().empty()) {
            for (std::size_t i = 0; i < step.outputs.size(); ++i) {
                places[step.outputs[i]] = step.request->outputs[i];
            }
        } else {
            stop();
        }
        if (!stopped_) {
            if (auto begun = begin_due(/*always=*/true); begun) {
                next = std::move(*begun);
            } else {
                failure_ = begun.error().message;
            }
        }
        ended = has_ended();
    }
    if (ended) {
        redis::UnblockClient(client_, this);
    } else {
        submit(next);
    }
}

int Call::begin(redis::Context* context, Result<std::unique_ptr<Call>> made) {
    if (!made) {
        return reply_error(context, made.error());
    }
    std::unique_ptr<Call> call = std::move(*made);
    if (call->steps.empty()) {
        return call->answer(context, *call, call->store(context));
    }
    const auto begun = call->begin_due(/*always=*/false);
    if (!begun) {
        return reply_error(context, begun.error());
    }
    Call& kept = *call.release();
    kept.client_ = redis::BlockClient(context, on_reply, nullptr, on_release, 0);
    redis::SetDisconnectCallback(kept.client_, on_disconnect);
    calls().emplace(kept.client_, &kept);
    if (kept.timeout_ms != 0) {
        kept.timer_ = redis::CreateTimer(context, kept.timeout_ms, on_timeout, &kept);
    }
    submit(*begun);
    return redis::kOk;
}

void Call::on_disconnect(redis::Context*, redis::Blocked* client) {
    const auto found = calls().find(client);
    if (found == calls().end()) {
        return;
    }
    Call& call = *found->second;
    bool ended = false;
    {
        const std::lock_guard lock(call.mutex_);
        call.stop();
        ended = call.has_ended();
    }
    if (ended) {
        redis::UnblockClient(client, &call);
    }
}

// What is being executed is not ended: a call all of whose steps have begun goes on.
void Call::on_timeout(redis::Context*, void* data) {
    Call& call = *static_cast<Call*>(data);
    call.timer_.reset();
    bool ended = false;
    {
        const std::lock_guard lock(call.mutex_);
        const bool in_time = call.stopped_ || call.ended_;
        call.timed_out_ = call.stop() != 0 && !in_time;
        ended = call.has_ended();
    }
    if (ended) {
        redis::UnblockClient(call.client_, &call);
    }
}

Status Call::outcome() const {
    if (!failure_.empty()) {
        return Error{failure_, {}};
    }
    for (const Step& step : steps) {
        if (!step.error().empty()) {
            return Error{step.error(), {}};
        }
    }
    return Status::ok();
}

// Store what is to be stored, all or nothing, and let replicas have the tensors rather than the executions. What
// clients have put before comes before.
Status Call::store(redis::Context* context) const {
    drain_arenas();
    if (!stored.empty() && redis::GetUsedMemoryRatio() > 1) {
        return Error{"OOM command not allowed when used memory > 'maxmemory'.", {}};
    }
    for (const Output& output : stored) {
        if (Status status = check_tensor_key(context, Name(context, output.key).get()); !status) {
            return status;
        }
    }
    for (const Output& output : stored) {
        const Name key(context, output.key);
        const TensorRef& tensor = places[output.place];
        if (Status status = store_tensor(context, key.get(), tensor); !status) {
            return status;
        }
        replicate_tensor(context, key.get(), *tensor);
    }
    return Status::ok();
}

int Call::on_reply(redis::Context* context, redis::String**, int) {
    Call& call = *static_cast<Call*>(redis::GetBlockedClientPrivateData(context));
    if (call.timed_out_) {
        return redis::ReplyWithSimpleString(context, "TIMEDOUT");
    }
    Status status = call.outcome();
    if (status) {
        status = call.store(context);
    }
    return call.answer(context, call, status);
}

// Everything that Redis counts or that may be the last owner of a Redis string is let go here, on the main thread.
void Call::on_release(redis::Context* context, void* data) {
    auto* call = static_cast<Call*>(data);
    if (call->timer_) {
        redis::StopTimer(context, *call->timer_, nullptr);
    }
    calls().erase(call->client_);
    for (Step& step : call->steps) {
        step.request->inputs.clear();
        step.request->outputs.clear();
        step.request->call = nullptr;
        step.request->target.reset();
    }
    delete call;
}

}  // namespace inferstep
