#include "inferdb/backends/device_torch.hpp"

#include <ATen/ops/empty.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <map>

namespace inferstep {
namespace {

c10::Stream stream_of_this_thread(at::Device device) {
    thread_local std::map<c10::DeviceIndex, c10::Stream> streams;
    const auto found = streams.find(device.index());
    if (found != streams.end()) {
        return found->second;
    }
    const c10::impl::VirtualGuardImpl gpu(device.type());
    return streams.emplace(device.index(), gpu.getStreamFromGlobalPool(device)).first->second;
}

at::Tensor pinned_like(const at::Tensor& tensor) {
    return at::empty(tensor.sizes(), at::TensorOptions().dtype(tensor.scalar_type()).pinned_memory(true));
}

}  // namespace

WorkerStream::WorkerStream(at::Device device) {
    if (!device.is_cpu()) {
        guard_.emplace(stream_of_this_thread(device));
    }
}

void settle(at::Device device) {
    if (!device.is_cpu()) {
        c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
    }
}

at::Tensor to_device(const at::Tensor& host, at::Device device) {
    return pinned_like(host).copy_(host).to(device, /*non_blocking=*/true);
}

at::Tensor to_host(const at::Tensor& tensor) {
    at::Tensor host = pinned_like(tensor);
    host.copy_(tensor, /*non_blocking=*/true);
    c10::impl::VirtualGuardImpl(tensor.device().type()).getStream(tensor.device()).synchronize();
    return host;
}

}  // namespace inferstep
