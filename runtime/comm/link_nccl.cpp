// A link between GPUs by NCCL: a communicator of two ranks for each link. The library is opened when it is first asked
// for, and only its header is needed to compile.
//
// Each call puts its transfer on the stream and waits until the stream has done it, looking for the failure of a rank
// meanwhile: then the communicator is aborted, which ends the kernel that waits for the lost rank, so that no other
// wait on this stream can last for ever.
#include "comm/link_wait.hpp"
#include "core/gpu_driver.hpp"

#if defined(INFERSTEP_WITH_NCCL)

#include <dlfcn.h>
#include <nccl.h>

#include <chrono>
#include <thread>

namespace inferstep::comm {
namespace {

struct Nccl {
    decltype(&ncclGetUniqueId) unique_id = nullptr;
    decltype(&ncclCommInitRankConfig) init = nullptr;
    decltype(&ncclSend) send = nullptr;
    decltype(&ncclRecv) receive = nullptr;
    decltype(&ncclCommGetAsyncError) state = nullptr;
    decltype(&ncclGetErrorString) text = nullptr;
    decltype(&ncclCommAbort) abort = nullptr;
    decltype(&ncclCommDestroy) destroy = nullptr;
    bool usable = false;
};

template <typename F>
bool find(void* library, const char* symbol, F& function) {
    function = reinterpret_cast<F>(dlsym(library, symbol));
    return function != nullptr;
}

const Nccl& nccl() {
    static const Nccl opened = [] {
        Nccl n;
        void* library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
        n.usable = library != nullptr && find(library, "ncclGetUniqueId", n.unique_id) &&
                   find(library, "ncclCommInitRankConfig", n.init) && find(library, "ncclSend", n.send) &&
                   find(library, "ncclRecv", n.receive) && find(library, "ncclCommGetAsyncError", n.state) &&
                   find(library, "ncclGetErrorString", n.text) && find(library, "ncclCommAbort", n.abort) &&
                   find(library, "ncclCommDestroy", n.destroy);
        return n;
    }();
    return opened;
}

class NcclLink final : public Link {
   public:
    NcclLink(const LinkEnd& end, const LinkOptions& options)
        : end_(end), gpu_(options.device), limit_ms_(static_cast<std::int64_t>(options.join_timeout_s * 1000)) {}
    ~NcclLink() override;
    Status join(const ncclUniqueId& id);

    std::string_view transport() const override { return "nccl"; }
    bool on_device() const override { return true; }
    Status send(const void* data, std::size_t bytes, void* stream) override {
        return transfer(stream, bytes, [&](cudaStream_t on) {
            return nccl().send(data, bytes, ncclInt8, /*peer=*/1, communicator_, on);
        });
    }
    Status receive(void* data, std::size_t bytes, void* stream) override {
        return transfer(stream, bytes, [&](cudaStream_t on) {
            return nccl().receive(data, bytes, ncclInt8, /*peer=*/0, communicator_, on);
        });
    }
    const LinkCounters& counters() const override { return counters_; }

   private:
    template <typename F>
    Status transfer(void* stream, std::size_t bytes, F&& begin);
    Status settled(ncclResult_t result, std::int64_t until_ms);
    Status stream_done(void* stream);
    Error give_up(const Error& otherwise);

    LinkEnd end_;
    int gpu_;
    std::int64_t limit_ms_;
    ncclComm_t communicator_ = nullptr;
    LinkCounters counters_;
};

NcclLink::~NcclLink() {
    if (communicator_ != nullptr) {
        end_.control->failed() ? nccl().abort(communicator_) : nccl().destroy(communicator_);
    }
}

// What is under way ends at once, on the GPU too.
Error NcclLink::give_up(const Error& otherwise) {
    if (communicator_ != nullptr) {
        nccl().abort(communicator_);
        communicator_ = nullptr;
    }
    return end_.control->explain(otherwise);
}

// Calls of a communicator that does not block may go on in the background.
Status NcclLink::settled(ncclResult_t result, std::int64_t until_ms) {
    while (result == ncclInProgress) {
        if (end_.control->failed() || now_ms() > until_ms) {
            return give_up(fail("rank {} on node {} does not answer by NCCL", end_.other(), end_.peer().node));
        }
        std::this_thread::yield();
        if (nccl().state(communicator_, &result) != ncclSuccess) {
            result = ncclInternalError;
        }
    }
    return result == ncclSuccess ? Status::ok()
                                 : Status(give_up(fail("NCCL to rank {} on node {}: {}", end_.other(), end_.peer().node,
                                                       nccl().text(result))));
}

Status NcclLink::join(const ncclUniqueId& id) {
    if (Status s = use_gpu(gpu_); !s) {
        return s;
    }
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    return settled(nccl().init(&communicator_, 2, id, end_.sends() ? 0 : 1, &config), now_ms() + limit_ms_);
}

Status NcclLink::stream_done(void* stream) {
    Patience patience;
    for (;;) {
        const Result<bool> done = gpu_stream_done(stream);
        if (!done) {
            return give_up(done.error());
        }
        if (*done) {
            return Status::ok();
        }
        ncclResult_t state = ncclSuccess;
        if (nccl().state(communicator_, &state) != ncclSuccess || (state != ncclSuccess && state != ncclInProgress)) {
            return settled(state == ncclSuccess ? ncclInternalError : state, 0);
        }
        if (end_.control->failed()) {
            return give_up(fail("rank {} on node {} is lost", end_.other(), end_.peer().node));
        }
        if (!patience.spin()) {
            std::this_thread::sleep_for(std::chrono::microseconds(20));
        }
    }
}

template <typename F>
Status NcclLink::transfer(void* stream, std::size_t bytes, F&& begin) {
    if (communicator_ == nullptr) {
        return end_.control->explain(fail("the link to rank {} is closed", end_.other()));
    }
    const std::int64_t start = now_ns();
    // A rank may be silent for as long as the World lets it.
    if (Status s = settled(begin(static_cast<cudaStream_t>(stream)), now_ms() + limit_ms_); !s) {
        return s;
    }
    if (Status s = stream_done(stream); !s) {
        return s;
    }
    count(counters_, bytes, start);
    return Status::ok();
}

}  // namespace

bool nccl_usable() { return nccl().usable; }

// The sender makes the id of the communicator; without one it sends an empty letter, for one is awaited.
MadeLink make_nccl_link(const LinkEnd& end, const LinkOptions& options) {
    ncclUniqueId id{};
    if (end.sends()) {
        if (const ncclResult_t result = nccl().unique_id(&id); result != ncclSuccess) {
            if (Status s = end.control->post(end.to, {}); !s) {
                return s.error();
            }
            return fail("NCCL gives no id: {}", nccl().text(result));
        }
        if (Status s = end.control->post(end.to, {id.internal, sizeof id.internal}); !s) {
            return s.error();
        }
    } else {
        const Result<std::string> letter = end.control->letter_from(end.from);
        if (!letter) {
            return letter.error();
        }
        if (letter->size() != sizeof id.internal) {
            return fail("rank {} sends no id of NCCL's", end.from);
        }
        letter->copy(id.internal, sizeof id.internal);
    }
    auto link = std::make_unique<NcclLink>(end, options);
    if (Status s = link->join(id); !s) {
        return s.error();
    }
    return std::unique_ptr<Link>(std::move(link));
}

}  // namespace inferstep::comm

#else

namespace inferstep::comm {

bool nccl_usable() { return false; }
MadeLink make_nccl_link(const LinkEnd& end, const LinkOptions& options) {
    return fail("rank {} cannot use GPU {}: it was built without NCCL's header", end.own, options.device);
}

}  // namespace inferstep::comm

#endif
