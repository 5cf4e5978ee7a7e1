#include "llm/stage/device_usage.hpp"

#include <algorithm>
#include <chrono>

#include "core/gpu_driver.hpp"

namespace inferstep::llm {

DeviceUsage::DeviceUsage(int gpu) {
    if (gpu >= 0) {
        thread_ = std::thread([this, gpu] { watch(gpu); });
    }
}

DeviceUsage::~DeviceUsage() {
    {
        const std::lock_guard lock(mutex_);
        end_ = true;
    }
    ended_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void DeviceUsage::watch(int gpu) {
    constexpr auto kEvery = std::chrono::milliseconds(200);
    std::unique_lock lock(mutex_);
    while (!end_) {
        lock.unlock();
        const auto usage = gpu_usage(gpu);
        lock.lock();
        if (usage) {
            memory_ = std::max(memory_, usage->memory_used);
            sum_ += std::max(usage->utilization, 0.0);
            count_ += usage->utilization >= 0 ? 1 : 0;
        }
        ended_.wait_for(lock, kEvery, [this] { return end_; });
    }
}

double DeviceUsage::utilization() {
    const std::lock_guard lock(mutex_);
    return count_ > 0 ? sum_ / count_ : -1;
}

std::size_t DeviceUsage::memory_bytes() {
    const std::lock_guard lock(mutex_);
    return memory_;
}

}  // namespace inferstep::llm
