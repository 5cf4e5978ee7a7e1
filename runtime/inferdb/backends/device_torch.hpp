// Executions on a GPU: each worker has a stream of its own there, and tensors travel through pinned memory. Generic
// over libtorch's devices, so that nothing here is linked with CUDA.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/StreamGuard.h>

#include <optional>

namespace inferstep {

// While it lives, what the calling thread asks of the device is queued in the thread's own stream. Nothing for CPUs.
class WorkerStream {
   public:
    explicit WorkerStream(at::Device device);

   private:
    std::optional<c10::StreamGuard> guard_;
};

// Wait until all that was asked of the device has been done, in whatever stream. Nothing for CPUs.
void settle(at::Device device);

// A copy on the device, queued behind a copy into pinned memory: the caller's bytes may go at once.
at::Tensor to_device(const at::Tensor& host, at::Device device);

// A copy on the host, complete; what was queued in the current stream before has been done.
at::Tensor to_host(const at::Tensor& tensor);

}  // namespace inferstep
