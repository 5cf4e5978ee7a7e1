// AI.MODELEXECUTE: the client waits while a worker executes; what comes out is stored on the main thread.
#include <algorithm>
#include <optional>
#include <unordered_map>

#include "inferdb/args.hpp"
#include "inferdb/commands.hpp"
#include "inferdb/engine.hpp"
#include "inferdb/keys.hpp"
#include "inferdb/tensor.hpp"

namespace inferstep::command {
namespace {

constexpr std::int64_t kMaxTimeoutMs = 1'000'000'000'000;

// What the command names: positions of arguments, so that the same reading serves COMMAND GETKEYS.
struct Named {
    std::vector<int> inputs;
    std::vector<int> outputs;
    std::int64_t timeout_ms = 0;  // 0: none
};

// One command under way. Made, answered and released on the main thread; a worker only calls request->done.
struct Call {
    Blocked* client = nullptr;
    ModelRef model;
    DeviceQueue* queue = nullptr;
    RequestRef request = std::make_shared<Request>();
    std::vector<std::string> outputs;  // keys
    std::optional<redis::TimerId> timer;
    bool timed_out = false;
};

std::unordered_map<Blocked*, Call*>& calls() {
    static std::unordered_map<Blocked*, Call*> all;
    return all;
}

bool is_word(std::string_view text) {
    return same_word(text, "INPUTS") || same_word(text, "OUTPUTS") || same_word(text, "TIMEOUT");
}

Status read_keys(Args& args, bool counted, const char* word, std::vector<int>& positions) {
    std::int64_t count = args.left();
    if (counted) {
        const auto given = args.number(1, args.left() - 1);
        if (!given) {
            return fail("{} is followed by how many keys there are, and by the keys", word);
        }
        count = *given;
    }
    while (count-- > 0 && args.more() && (counted || !is_word(args.peek()))) {
        positions.push_back(args.position());
        args.string();
    }
    return positions.empty() ? Status(fail("{} names no key", word)) : Status::ok();
}

Result<Named> read_command(Args args, bool counted) {
    Named named;
    while (args.more()) {
        Status status = Status::ok();
        if (named.inputs.empty() && args.take("INPUTS")) {
            status = read_keys(args, counted, "INPUTS", named.inputs);
        } else if (named.outputs.empty() && args.take("OUTPUTS")) {
            status = read_keys(args, counted, "OUTPUTS", named.outputs);
        } else if (named.timeout_ms == 0 && args.take("TIMEOUT")) {
            const auto timeout = args.number(1, kMaxTimeoutMs);
            named.timeout_ms = timeout.value_or(0);
            status = timeout ? status : fail("TIMEOUT is a number of milliseconds from 1 to {}", kMaxTimeoutMs);
        } else {
            status = fail("{} is no word of this command, or stands in it twice", args.peek().substr(0, 64));
        }
        if (!status) {
            return status.error();
        }
    }
    if (named.inputs.empty() || named.outputs.empty()) {
        return fail("{} is missing", named.inputs.empty() ? "INPUTS" : "OUTPUTS");
    }
    return named;
}

// Store the outputs, and let replicas have them rather than the execution.
Status store_outputs(Context* context, Call& call) {
    if (redis::GetUsedMemoryRatio() > 1) {
        return Error{"OOM command not allowed when used memory > 'maxmemory'.", {}};
    }
    for (std::size_t i = 0; i < call.outputs.size(); ++i) {
        String* key = redis::CreateString(context, call.outputs[i].data(), call.outputs[i].size());
        Status status = store_tensor(context, key, call.request->outputs[i]);
        if (status) {
            replicate_tensor(context, key, *call.request->outputs[i]);
        }
        redis::FreeString(context, key);
        if (!status) {
            return status;
        }
    }
    return Status::ok();
}

int reply(Context* context, String**, int) {
    Call& call = *static_cast<Call*>(redis::GetBlockedClientPrivateData(context));
    if (call.timed_out) {
        return redis::ReplyWithSimpleString(context, "TIMEDOUT");
    }
    const Status status =
        call.request->error.empty() ? store_outputs(context, call) : Status(Error{call.request->error, {}});
    return status ? redis::ReplyWithSimpleString(context, "OK") : reply_error(context, status.error());
}

// Everything that Redis counts or that may be the last owner of a Redis string is let go here, on the main thread.
void release(Context* context, void* data) {
    auto* call = static_cast<Call*>(data);
    if (call->timer) {
        redis::StopTimer(context, *call->timer, nullptr);
    }
    calls().erase(call->client);
    call->request->inputs.clear();
    call->request->outputs.clear();
    call->request->target.reset();
    delete call;
}

// Nobody waits any more: what has not begun will not begin.
void on_disconnect(Context*, Blocked* client) {
    const auto found = calls().find(client);
    if (found != calls().end() && found->second->queue->cancel(*found->second->request)) {
        redis::UnblockClient(client, found->second);
    }
}

void on_timeout(Context*, void* data) {
    Call& call = *static_cast<Call*>(data);
    call.timer.reset();
    if (call.queue->cancel(*call.request)) {
        call.timed_out = true;
        redis::UnblockClient(call.client, &call);
    }
}

Status check_count(const char* word, std::size_t given, const std::vector<std::string>& named) {
    return named.empty() || given == named.size()
               ? Status::ok()
               : Status(fail("Number of keys given as {} here does not match model definition", word));
}

// Model, inputs and the room to wait in; what is wrong is known before the client has to wait.
Status prepare(Context* context, String** argv, const Named& named, Call& call) {
    auto model = find_model(context, argv[1]);
    if (!model) {
        return model.error();
    }
    call.model = *model;
    Status status = check_count("INPUTS", named.inputs.size(), call.model->definition.inputs);
    status = status ? check_count("OUTPUTS", named.outputs.size(), call.model->definition.outputs) : status;
    if (!status) {
        return status;
    }
    for (const int at : named.inputs) {
        auto tensor = find_tensor(context, argv[at]);
        if (!tensor) {
            return tensor.error();
        }
        call.request->inputs.push_back(std::move(*tensor));
    }
    for (const int at : named.outputs) {
        call.outputs.emplace_back(text_of(argv[at]));
    }
    call.request->target = call.model;
    call.request->output_count = call.outputs.size();
    call.queue = &engine().queue(call.model->definition.device);
    return call.queue->admit(*call.request);
}

void submit(Call& call) {
    if (call.model->ready) {
        call.queue->submit(call.request);
        return;
    }
    // `call` may be gone when the loader comes to this: it keeps what it needs.
    engine().post([model = call.model, queue = call.queue, request = call.request] {
        Status status = model->ready ? Status::ok() : engine().load(*model);
        if (status) {
            queue->submit(request);
        } else {
            queue->fail(request, status.error().message);
        }
    });
}

int execute(Context* context, String** argv, int argc, bool counted, const char* command) {
    const auto named = argc < 2 ? Result<Named>(fail("too short")) : read_command(Args(argv, argc, 2), counted);
    if (redis::IsKeysPositionRequest(context) != 0) {
        if (argc >= 2) {
            redis::KeyAtPos(context, 1);
        }
        if (named) {
            std::for_each(named->inputs.begin(), named->inputs.end(), [&](int at) { redis::KeyAtPos(context, at); });
            std::for_each(named->outputs.begin(), named->outputs.end(), [&](int at) { redis::KeyAtPos(context, at); });
        }
        return redis::kOk;
    }
    if (argc < 6) {
        return redis::WrongArity(context);
    }
    if (!named) {
        return reply_error(context, named.error());
    }
    if (!may_block(context)) {
        return reply_error(context, fail("{} waits for a worker: it cannot stand in MULTI or a script", command));
    }
    auto call = std::make_unique<Call>();
    if (Status status = prepare(context, argv, *named, *call); !status) {
        return reply_error(context, status.error());
    }
    call->client = redis::BlockClient(context, reply, nullptr, release, 0);
    redis::SetDisconnectCallback(call->client, on_disconnect);
    Call* kept = call.release();
    kept->request->done = [kept, client = kept->client] { redis::UnblockClient(client, kept); };
    if (named->timeout_ms != 0) {
        kept->timer = redis::CreateTimer(context, named->timeout_ms, on_timeout, kept);
    }
    calls().emplace(kept->client, kept);
    submit(*kept);
    return redis::kOk;
}

}  // namespace

// AI.MODELEXECUTE key INPUTS n key… OUTPUTS n key… [TIMEOUT ms]
int model_execute(Context* context, String** argv, int argc) {
    return execute(context, argv, argc, true, "AI.MODELEXECUTE");
}

// AI.MODELRUN key [TIMEOUT ms] INPUTS key… OUTPUTS key…
int model_run(Context* context, String** argv, int argc) { return execute(context, argv, argc, false, "AI.MODELRUN"); }

}  // namespace inferstep::command
