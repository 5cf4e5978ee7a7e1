// How busy a GPU is while something runs, and how much of its memory is taken: asked several times a second.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>

namespace inferstep::llm {

class DeviceUsage {
   public:
    explicit DeviceUsage(int gpu);  // -1: nothing is asked
    ~DeviceUsage();
    DeviceUsage(const DeviceUsage&) = delete;
    DeviceUsage& operator=(const DeviceUsage&) = delete;

    double utilization();        // the mean so far, 0 … 1; -1: not known
    std::size_t memory_bytes();  // the largest so far, of all processes on the GPU

   private:
    void watch(int gpu);

    std::mutex mutex_;
    std::condition_variable ended_;
    bool end_ = false;
    double sum_ = 0;
    int count_ = 0;
    std::size_t memory_ = 0;
    std::thread thread_;
};

}  // namespace inferstep::llm
