// UCX for one end of a link: a worker that is loaded, connected and progressed here. libucp is loaded when it is
// needed. Not thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "core/result.hpp"

namespace inferstep::comm {

// Is libucp there, and were we built with its header?
bool has_ucx();
// Does this machine have a network device that UCX drives without the kernel's help?
bool has_rdma();

// A message on its way; its bytes must stay where they are until done() says so.
struct UcxTransfer {
    bool done = false;
    bool good = false;
    std::size_t bytes = 0;  // that arrived
    void* request = nullptr;
};

class UcxWorker {
   public:
    static Result<std::unique_ptr<UcxWorker>> open();
    virtual ~UcxWorker() = default;

    virtual std::string address() const = 0;
    virtual Status connect(const std::string& address) = 0;  // of the worker that is to receive
    virtual Status send(const void* data, std::size_t bytes, UcxTransfer& transfer) = 0;
    virtual Status receive(void* data, std::size_t bytes, UcxTransfer& transfer) = 0;
    // Move things on. False: nothing moved.
    virtual bool progress() = 0;
    virtual bool is_done(UcxTransfer& transfer) = 0;
    virtual void cancel(UcxTransfer& transfer) = 0;  // its bytes are free afterwards
    virtual bool broken() const = 0;                 // the other end is lost
    // Readable when progress() would move something; call arm() first, and sleep only if it says so.
    virtual int event_fd() const = 0;
    virtual bool arm() = 0;
};

}  // namespace inferstep::comm
