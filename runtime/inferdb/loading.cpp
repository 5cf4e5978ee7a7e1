#include "inferdb/loading.hpp"

#include <algorithm>
#include <atomic>
#include <unordered_map>
#include <vector>

#include "inferdb/engine.hpp"
#include "inferdb/keys.hpp"

namespace inferstep {
namespace {

using redis::Blocked;
using redis::Context;
using redis::String;

// One command under way: made and released on the main thread, worked on by the loader thread in between.
struct Job {
    Blocked* client = nullptr;
    Context* context = nullptr;  // for the loader thread, in the client's database
    Loading loading;
    std::vector<String*> words;  // of the command, with its key first; held, for replicas
    std::atomic<bool> abandoned{false};
    Status status = Status::ok();
};

// By client, on the main thread: who asked, in case it goes away.
std::unordered_map<Blocked*, Job*>& jobs() {
    static std::unordered_map<Blocked*, Job*> all;
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
bool is_there(const Job& job) {
    const RedisLock lock(job.context);
    return job.loading.is_there(job.context, job.words.front());
}

// On the loader thread.
void work(Job& job) {
    if (!job.abandoned && !is_there(job)) {
        job.status = job.loading.load();
        if (job.status) {
            const RedisLock lock(job.context);
            job.status = job.loading.store(job.context, job.words.front());
            if (job.status) {
                redis::Replicate(job.context, job.loading.command, "v", job.words.data(), job.words.size());
            }
        }
    }
    redis::FreeThreadSafeContext(job.context);
    redis::UnblockClient(job.client, &job);
}

int reply(Context* context, String**, int) {
    return reply_outcome(context, static_cast<Job*>(redis::GetBlockedClientPrivateData(context))->status);
}

void release(Context* context, void* data) {
    auto* job = static_cast<Job*>(data);
    jobs().erase(job->client);
    for (String* word : job->words) {
        redis::FreeString(context, word);
    }
    delete job;
}

// What is being loaded is stored nevertheless; what still waits is not worth the work.
void on_disconnect(Context*, Blocked* client) {
    if (const auto found = jobs().find(client); found != jobs().end()) {
        found->second->abandoned = true;
    }
}

}  // namespace

int load_and_store(Context* context, String** argv, int argc, Loading loading) {
    if ((redis::GetContextFlags(context) & (redis::kFlagReplicated | redis::kFlagLoading)) != 0) {
        const Status status = loading.store(context, argv[1]);
        redis::ReplicateVerbatim(context);
        return reply_outcome(context, status);
    }
    Status status = check_may_block(context, loading.command);
    status = status ? loading.check(context, argv[1]) : status;
    if (!status) {
        return reply_error(context, status.error());
    }
    auto* job = new Job;
    job->loading = std::move(loading);
    std::transform(argv + 1, argv + argc, std::back_inserter(job->words),
                   [](String* word) { return redis::HoldString(nullptr, word); });
    job->client = redis::BlockClient(context, reply, nullptr, release, 0);
    job->context = redis::GetThreadSafeContext(job->client);
    redis::SetDisconnectCallback(job->client, on_disconnect);
    jobs().emplace(job->client, job);
    engine().post([job] { work(*job); });
    return redis::kOk;
}

}  // namespace inferstep
