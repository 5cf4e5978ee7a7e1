#pragma once

#include <caffe2/serialize/read_adapter_interface.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace inferstep {

// libtorch reads the file out of the caller's memory: no second copy of a large model.
class MemoryReader final : public caffe2::serialize::ReadAdapterInterface {
   public:
    explicit MemoryReader(std::string_view blob) : blob_(blob) {}
    std::size_t size() const override { return blob_.size(); }
    std::size_t read(std::uint64_t pos, void* buffer, std::size_t n, const char*) const override {
        if (pos >= blob_.size()) {
            return 0;
        }
        n = std::min<std::size_t>(n, blob_.size() - pos);
        std::memcpy(buffer, blob_.data() + pos, n);
        return n;
    }

   private:
    std::string_view blob_;
};

}  // namespace inferstep
