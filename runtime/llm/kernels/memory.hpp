// Large memory: anonymous pages, huge ones where the kernel has them, on the NUMA node of the thread that first writes
// to them. Owns what it holds; movable.
#pragma once

#include <cstddef>
#include <utility>

#include "core/result.hpp"

namespace inferstep::llm {

class Memory {
   public:
    static Result<Memory> create(std::size_t bytes);  // zeros, aligned to a page. Error: the machine has not so much
    Memory() = default;
    ~Memory();
    Memory(Memory&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Memory& operator=(Memory&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }

    std::byte* data() { return data_; }
    const std::byte* data() const { return data_; }
    std::size_t size() const { return size_; }

   private:
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace inferstep::llm
