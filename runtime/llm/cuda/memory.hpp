// Memory of the GPU and pinned memory of the host, as owners. Part of libinferstep_cuda.so.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

namespace inferstep::llm::cuda {

// An empty text, or "the GPU: what: why".
inline std::string told(const char* what, cudaError_t code) {
    return code == cudaSuccess ? std::string() : std::string("the GPU: ") + what + ": " + cudaGetErrorString(code);
}

enum class Where { kDevice, kPinned };

template <Where W>
class Buffer {
   public:
    Buffer() = default;
    ~Buffer() { release(); }
    Buffer(Buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }

    // Zeros. What was there before is given back.
    std::string create(std::size_t bytes) {
        release();
        if (bytes == 0) {
            return {};
        }
        const cudaError_t code = W == Where::kDevice ? cudaMalloc(&data_, bytes) : cudaMallocHost(&data_, bytes);
        if (code != cudaSuccess) {
            data_ = nullptr;
            return told(("no " + std::to_string(bytes) + " bytes of memory").c_str(), code);
        }
        size_ = bytes;
        if constexpr (W == Where::kPinned) {
            std::memset(data_, 0, bytes);
            return {};
        }
        return told("clearing memory", cudaMemset(data_, 0, bytes));
    }
    template <typename T>
    T* as() const {
        return static_cast<T*>(data_);
    }
    std::size_t size() const { return size_; }

   private:
    void release() {
        if (data_ != nullptr) {
            W == Where::kDevice ? cudaFree(data_) : cudaFreeHost(data_);
        }
        data_ = nullptr;
        size_ = 0;
    }
    void* data_ = nullptr;
    std::size_t size_ = 0;
};

using DeviceBuffer = Buffer<Where::kDevice>;
using PinnedBuffer = Buffer<Where::kPinned>;

}  // namespace inferstep::llm::cuda
