#include "comm/ucx.hpp"

#include <dirent.h>
#include <dlfcn.h>

#include <cstdlib>
#include <cstring>

#include "core/clock.hpp"

#if __has_include(<ucp/api/ucp.h>)
#include <ucp/api/ucp.h>
#define INFERSTEP_UCX 1
#endif

namespace inferstep::comm {

bool has_rdma() {
    DIR* devices = opendir("/sys/class/infiniband");
    bool found = false;
    for (const dirent* d = devices != nullptr ? readdir(devices) : nullptr; d != nullptr && !found;
         d = readdir(devices)) {
        found = d->d_name[0] != '.';
    }
    if (devices != nullptr) {
        closedir(devices);
    }
    return found;
}

#ifndef INFERSTEP_UCX
bool has_ucx() { return false; }
Result<std::unique_ptr<UcxWorker>> UcxWorker::open() { return fail("inferstep was built without UCX's headers"); }
#else
namespace {

constexpr ucp_tag_t kTag = 1;
constexpr int kCloseMs = 1000;

struct Library {
    void* handle = nullptr;
    decltype(&ucp_config_read) config_read = nullptr;
    decltype(&ucp_config_release) config_release = nullptr;
    decltype(&ucp_init_version) init = nullptr;
    decltype(&ucp_cleanup) cleanup = nullptr;
    decltype(&ucp_worker_create) worker_create = nullptr;
    decltype(&ucp_worker_destroy) worker_destroy = nullptr;
    decltype(&ucp_worker_get_address) worker_address = nullptr;
    decltype(&ucp_worker_release_address) release_address = nullptr;
    decltype(&ucp_worker_progress) progress = nullptr;
    decltype(&ucp_worker_get_efd) event_fd = nullptr;
    decltype(&ucp_worker_arm) arm = nullptr;
    decltype(&ucp_ep_create) ep_create = nullptr;
    decltype(&ucp_ep_close_nbx) ep_close = nullptr;
    decltype(&ucp_tag_send_nbx) send = nullptr;
    decltype(&ucp_tag_recv_nbx) receive = nullptr;
    decltype(&ucp_request_check_status) check = nullptr;
    decltype(&ucp_request_free) free_request = nullptr;
    decltype(&ucp_request_cancel) cancel = nullptr;
};

template <typename Function>
bool find(void* library, const char* name, Function& out) {
    out = reinterpret_cast<Function>(dlsym(library, name));
    return out != nullptr;
}

bool load(Library& l) {
    // A library that takes over the signals of its process, or writes to its output, is none of ours: unless asked to.
    setenv("UCX_ERROR_SIGNALS", "", 0);
    setenv("UCX_LOG_LEVEL", "fatal", 0);
    l.handle = dlopen("libucp.so.0", RTLD_NOW | RTLD_LOCAL);
    void* h = l.handle;
    return h != nullptr && find(h, "ucp_config_read", l.config_read) &&
           find(h, "ucp_config_release", l.config_release) && find(h, "ucp_init_version", l.init) &&
           find(h, "ucp_cleanup", l.cleanup) && find(h, "ucp_worker_create", l.worker_create) &&
           find(h, "ucp_worker_destroy", l.worker_destroy) && find(h, "ucp_worker_get_address", l.worker_address) &&
           find(h, "ucp_worker_release_address", l.release_address) && find(h, "ucp_worker_progress", l.progress) &&
           find(h, "ucp_worker_get_efd", l.event_fd) && find(h, "ucp_worker_arm", l.arm) &&
           find(h, "ucp_ep_create", l.ep_create) && find(h, "ucp_ep_close_nbx", l.ep_close) &&
           find(h, "ucp_tag_send_nbx", l.send) && find(h, "ucp_tag_recv_nbx", l.receive) &&
           find(h, "ucp_request_check_status", l.check) && find(h, "ucp_request_free", l.free_request) &&
           find(h, "ucp_request_cancel", l.cancel);
}

// Null: it is not there. It stays loaded, as it does not like to be taken away.
const Library* library() {
    static Library loaded;
    static const bool good = load(loaded);
    return good ? &loaded : nullptr;
}

class Worker : public UcxWorker {
   public:
    explicit Worker(const Library& l) : l_(l) {}
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker() override {
        close();
        if (worker_ != nullptr) {
            l_.worker_destroy(worker_);
        }
        if (context_ != nullptr) {
            l_.cleanup(context_);
        }
    }

    Status open() {
        ucp_config_t* config = nullptr;
        ucp_params_t params{};
        params.field_mask = UCP_PARAM_FIELD_FEATURES;
        params.features = UCP_FEATURE_TAG | UCP_FEATURE_WAKEUP;
        ucp_worker_params_t worker{};
        worker.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE;
        worker.thread_mode = UCS_THREAD_MODE_SERIALIZED;
        if (l_.config_read(nullptr, nullptr, &config) != UCS_OK) {
            return fail("UCX does not read its configuration");
        }
        const ucs_status_t begun = l_.init(UCP_API_MAJOR, UCP_API_MINOR, &params, config, &context_);
        l_.config_release(config);
        if (begun != UCS_OK || l_.worker_create(context_, &worker, &worker_) != UCS_OK ||
            l_.event_fd(worker_, &event_fd_) != UCS_OK) {
            return fail("UCX finds no transport that it can use here");
        }
        return Status::ok();
    }

    std::string address() const override {
        ucp_address_t* address = nullptr;
        std::size_t size = 0;
        if (l_.worker_address(worker_, &address, &size) != UCS_OK) {
            return {};
        }
        std::string bytes(reinterpret_cast<const char*>(address), size);
        l_.release_address(worker_, address);
        return bytes;
    }

    Status connect(const std::string& address) override {
        ucp_ep_params_t params{};
        params.field_mask =
            UCP_EP_PARAM_FIELD_REMOTE_ADDRESS | UCP_EP_PARAM_FIELD_ERR_HANDLER | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE;
        params.address = reinterpret_cast<const ucp_address_t*>(address.data());
        params.err_mode = UCP_ERR_HANDLING_MODE_PEER;
        params.err_handler.cb = [](void* self, ucp_ep_h /*ep*/, ucs_status_t /*status*/) {
            static_cast<Worker*>(self)->broken_ = true;
        };
        params.err_handler.arg = this;
        return l_.ep_create(worker_, &params, &ep_) == UCS_OK ? Status::ok()
                                                              : Status(fail("UCX cannot reach the other end"));
    }

    Status send(const void* data, std::size_t bytes, UcxTransfer& transfer) override {
        ucp_request_param_t param{};
        return begin(l_.send(ep_, data, bytes, kTag, &param), transfer);
    }

    // Always by the callback: what UCX 1.13 tells of a message that is complete at once may be its length or 0.
    Status receive(void* data, std::size_t bytes, UcxTransfer& transfer) override {
        ucp_request_param_t param{};
        param.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FLAG_NO_IMM_CMPL;
        param.user_data = &transfer;
        param.cb.recv = [](void* /*request*/, ucs_status_t /*status*/, const ucp_tag_recv_info_t* got, void* user) {
            static_cast<UcxTransfer*>(user)->bytes = got->length;
        };
        return begin(l_.receive(worker_, data, bytes, kTag, ~ucp_tag_t{0}, &param), transfer);
    }

    bool progress() override { return l_.progress(worker_) != 0; }

    bool is_done(UcxTransfer& transfer) override {
        if (!transfer.done) {
            const ucs_status_t status = l_.check(transfer.request);
            if (status != UCS_INPROGRESS) {
                l_.free_request(transfer.request);
                transfer.done = true;
                transfer.good = status == UCS_OK;
            }
        }
        return transfer.done;
    }

    void cancel(UcxTransfer& transfer) override {
        const std::int64_t end = now_ms() + kCloseMs;
        if (!transfer.done) {
            l_.cancel(worker_, transfer.request);
        }
        while (!is_done(transfer) && now_ms() < end) {
            progress();
        }
    }

    bool broken() const override { return broken_; }
    int event_fd() const override { return event_fd_; }
    bool arm() override { return l_.arm(worker_) == UCS_OK; }

   private:
    static Status begin(ucs_status_ptr_t begun, UcxTransfer& transfer) {
        transfer.request = nullptr;
        transfer.done = transfer.good = begun == nullptr;
        if (UCS_PTR_IS_ERR(begun)) {
            transfer.done = true;
            return fail("UCX cannot reach the other end");
        }
        transfer.request = begun;
        return Status::ok();
    }

    void close() {
        if (ep_ == nullptr) {
            return;
        }
        ucp_request_param_t param{};
        param.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS;
        param.flags = broken_ ? static_cast<unsigned>(UCP_EP_CLOSE_FLAG_FORCE) : 0U;
        void* request = l_.ep_close(ep_, &param);
        const std::int64_t end = now_ms() + kCloseMs;
        while (request != nullptr && !UCS_PTR_IS_ERR(request) && l_.check(request) == UCS_INPROGRESS &&
               now_ms() < end) {
            l_.progress(worker_);
        }
        if (request != nullptr && !UCS_PTR_IS_ERR(request)) {
            l_.free_request(request);
        }
    }

    const Library& l_;
    ucp_context_h context_ = nullptr;
    ucp_worker_h worker_ = nullptr;
    ucp_ep_h ep_ = nullptr;
    int event_fd_ = -1;
    bool broken_ = false;
};

}  // namespace

bool has_ucx() { return library() != nullptr; }

Result<std::unique_ptr<UcxWorker>> UcxWorker::open() {
    const Library* l = library();
    if (l == nullptr) {
        return fail("libucp.so.0 is not there");
    }
    auto worker = std::make_unique<Worker>(*l);
    if (Status s = worker->open(); !s) {
        return s.error();
    }
    return std::unique_ptr<UcxWorker>(std::move(worker));
}
#endif

}  // namespace inferstep::comm
