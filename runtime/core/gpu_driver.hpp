// The NVIDIA driver as far as a program needs it that has no CUDA of its own: which GPUs this process may use, what
// they are and how busy. libcuda.so.1 and libnvidia-ml.so.1 are opened when they are first asked for; both come with
// the driver. GPUs are counted as CUDA counts them, behind CUDA_VISIBLE_DEVICES. Thread-safe.
#pragma once

#include <cstddef>
#include <string>

#include "core/result.hpp"

namespace inferstep {

// At least 1. Error: one sentence that says what is missing: the driver, or a GPU.
Result<int> count_gpus();

struct GpuUsage {
    std::string name;              // "NVIDIA H100 80GB HBM3"
    std::size_t memory_total = 0;  // bytes
    std::size_t memory_used = 0;   // by all processes
    double utilization = -1;       // share of the last sampling period in which a kernel ran, 0 … 1; -1: not known
};
Result<GpuUsage> gpu_usage(int gpu);

// Where it is: "0000:3b:00.0", one for each GPU of a machine, whatever CUDA_VISIBLE_DEVICES.
Result<std::string> gpu_address(int gpu);

// Makes this GPU the calling thread's, for libraries that expect one to be current.
Status use_gpu(int gpu);
// Whether all that was put on a stream is done; also an error that happened on it.
Result<bool> gpu_stream_done(void* stream);

}  // namespace inferstep
