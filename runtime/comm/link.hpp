// A link: bytes in one direction from one rank to another, in order, over shared memory, TCP, UCX, or NCCL between
// GPUs.
//
// send() returns as soon as the bytes need not stay where they are; receive() when all have come. Both spin for some
// tens of microseconds, then sleep, and end with the World's failure when a rank dies. One thread at each end.
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
    bool device_memory = false;               // what is sent lies in the memory of a GPU; only nccl can do that
    int device = 0;                           // this rank's GPU
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

    // `stream` is a CUDA stream: on_device() links only order the transfer on it.
    virtual Status send(const void* data, std::size_t bytes, void* stream = nullptr) = 0;
    virtual Status receive(void* data, std::size_t bytes, void* stream = nullptr) = 0;
    virtual const LinkCounters& counters() const = 0;
};

}  // namespace inferstep::comm
