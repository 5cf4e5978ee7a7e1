// A link: bytes in one direction from one rank to another, in order, over shared memory, TCP, UCX, or NCCL between
// GPUs.
//
// send() returns as soon as the bytes need not stay where they are; receive() when all have come. Both spin for some
// tens of microseconds, then sleep, and end with the World's failure when a rank dies. One thread at each end. A
// message is received as it was sent: receive() names the same number of bytes as its send(), else it is an error.
// Links end before their World does.
//
// Which transport a link takes by itself: shared memory where both ranks are on one machine (one kernel, one network
// namespace); between machines UCX where both have it and an RDMA device (/sys/class/infiniband), else TCP. Measured by
// tests/bench/links in the same minute, one way of 12.8 kB and of 102 kB: shm 0.55 and 2.7 us, tcp 4.6 and 10.6 (a bare
// socket 4.2 and 12.0), UCX 1.13 over TCP 5.0 and 30, for which reason it is not taken there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace inferstep::comm {

struct LinkOptions {
    std::string transport = "auto";           // auto, shm, tcp, ucx, nccl
    std::size_t largest_message = 1U << 20U;  // bytes: what a link must take without the other end's help
    bool device_memory = false;               // this end's data lie in its GPU's memory: nccl, if the other's too
    int device = 0;                           // this rank's GPU
    double join_timeout_s = 60;               // nccl: for the other end to begin
};

struct LinkCounters {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    double seconds = 0;  // spent in send() or receive(): of a receiver the time it waited
};

class Link {
   public:
    virtual ~Link() = default;
    virtual std::string_view transport() const = 0;  // "shm", "tcp", "ucx", "nccl"
    virtual bool on_device() const { return false; }

    // `stream` is a CUDA stream, for on_device() links: the transfer comes behind what is on it, and is done when these
    // return.
    virtual Status send(const void* data, std::size_t bytes, void* stream = nullptr) = 0;
    virtual Status receive(void* data, std::size_t bytes, void* stream = nullptr) = 0;
    virtual const LinkCounters& counters() const = 0;
};

}  // namespace inferstep::comm
