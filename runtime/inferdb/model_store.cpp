// AI.MODELSTORE: the client waits while the loader thread loads, optimizes and warms up the model; Redis does not.
#include <algorithm>
#include <atomic>
#include <unordered_map>

#include "inferdb/commands.hpp"
#include "inferdb/engine.hpp"
#include "inferdb/keys.hpp"
#include "inferdb/model_parse.hpp"

namespace inferstep::command {
namespace {

// One command under way: made and released on the main thread, worked on by the loader thread in between.
struct Store {
    Blocked* client = nullptr;
    Context* context = nullptr;  // for the loader thread, in the client's database
    ModelRef model;
    std::vector<String*> words;  // of the command, with its key first; held, for replicas
    const char* command = nullptr;
    std::atomic<bool> abandoned{false};
    Status status = Status::ok();
};

// By client, on the main thread: who asked, in case it goes away.
std::unordered_map<Blocked*, Store*>& stores() {
    static std::unordered_map<Blocked*, Store*> all;
    return all;
}

class RedisLock {
   public:
    explicit RedisLock(Context* context) : context_(context) { redis::ThreadSafeContextLock(context_); }
    ~RedisLock() { redis::ThreadSafeContextUnlock(context_); }
    RedisLock(const RedisLock&) = delete;
    RedisLock& operator=(const RedisLock&) = delete;

   private:
    Context* context_;
};

// Clients that wait too little send the whole command again: what is already there is not loaded a second time.
bool already_stored(const Store& store) {
    Result<ModelRef> existing = [&] {
        const RedisLock lock(store.context);
        return find_model(store.context, store.words.front());
    }();
    return existing && (*existing)->ready && !(*existing)->runaway && (*existing)->definition == store.model->definition &&
           (*existing)->blob == store.model->blob;
}

// On the loader thread.
void work(Store& store) {
    if (!store.abandoned && !already_stored(store)) {
        store.status = engine().load(*store.model);
        if (store.status) {
            const RedisLock lock(store.context);
            store.status = store_model(store.context, store.words.front(), store.model);
            if (store.status) {
                redis::Replicate(store.context, store.command, "v", store.words.data(), store.words.size());
            }
        }
    }
    redis::FreeThreadSafeContext(store.context);
    redis::UnblockClient(store.client, &store);
}

int reply(Context* context, String**, int) {
    const auto& store = *static_cast<Store*>(redis::GetBlockedClientPrivateData(context));
    return store.status ? redis::ReplyWithSimpleString(context, "OK") : reply_error(context, store.status.error());
}

void release(Context* context, void* data) {
    auto* store = static_cast<Store*>(data);
    stores().erase(store->client);
    for (String* word : store->words) {
        redis::FreeString(context, word);
    }
    delete store;
}

// A model that is being loaded is stored nevertheless; one that still waits is not worth the work.
void on_disconnect(Context*, Blocked* client) {
    if (const auto found = stores().find(client); found != stores().end()) {
        found->second->abandoned = true;
    }
}

int store(Context* context, String** argv, int argc, ModelForm form, const char* command) {
    if (argc < 6) {
        return redis::WrongArity(context);
    }
    auto parsed = parse_model(Args(argv, argc, 2), form);
    if (!parsed) {
        return reply_error(context, parsed.error());
    }
    auto model = std::make_shared<StoredModel>(std::move(parsed->definition), parsed->blob, std::move(parsed->owner));
    model->name = text_of(argv[1]);
    // A replica and the append-only file repeat what has been found good: the model is loaded when it is first used.
    if ((redis::GetContextFlags(context) & (redis::kFlagReplicated | redis::kFlagLoading)) != 0) {
        const Status status = store_model(context, argv[1], std::move(model));
        redis::ReplicateVerbatim(context);
        return status ? redis::ReplyWithSimpleString(context, "OK") : reply_error(context, status.error());
    }
    if (!may_block(context)) {
        return reply_error(context, fail("{} waits for a worker: it cannot stand in MULTI or a script", command));
    }
    if (const OpenKey key(context, argv[1], redis::kRead); !key.empty() && !find_model(context, argv[1])) {
        return reply_error(context, wrong_type());
    }
    auto* job = new Store;
    job->model = std::move(model);
    job->command = command;
    std::transform(argv + 1, argv + argc, std::back_inserter(job->words),
                   [](String* word) { return redis::HoldString(nullptr, word); });
    job->client = redis::BlockClient(context, reply, nullptr, release, 0);
    job->context = redis::GetThreadSafeContext(job->client);
    redis::SetDisconnectCallback(job->client, on_disconnect);
    stores().emplace(job->client, job);
    engine().post([job] { work(*job); });
    return redis::kOk;
}

}  // namespace

// AI.MODELSTORE key TORCH device [TAG t] [BATCHSIZE n] [MINBATCHSIZE n] [MINBATCHTIMEOUT ms] [THREADS n]
//   [PRECISION p] [INPUTS n name…] [OUTPUTS n name…] BLOB piece…
int model_store(Context* context, String** argv, int argc) {
    return store(context, argv, argc, ModelForm::counted, "AI.MODELSTORE");
}

// AI.MODELSET key TORCH device [TAG t] [BATCHSIZE n] [MINBATCHSIZE n] [INPUTS name…] [OUTPUTS name…] BLOB piece…
int model_set(Context* context, String** argv, int argc) {
    return store(context, argv, argc, ModelForm::uncounted, "AI.MODELSET");
}

}  // namespace inferstep::command
