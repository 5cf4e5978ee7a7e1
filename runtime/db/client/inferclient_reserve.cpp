// Tensors that the caller writes where the database reads them.
#include <cstdlib>

#include "db/client/client_impl.hpp"
#include "db/client/tensor_reply.hpp"

namespace inferstep {

using client::Bytes;
using Code = ClientStatus::Code;

namespace {

ClientStatus unknown() { return {Code::usage, "no tensor is reserved at this address"}; }

}  // namespace

ClientStatus Client::reserve_tensor(TensorType type, std::span<const std::int64_t> shape, void*& data) {
    data = nullptr;
    client::Reserved made;
    made.type = type;
    made.shape.assign(shape.begin(), shape.end());
    std::size_t count = 0;
    if (ClientStatus s = client::element_count("to be reserved", shape, count); !s) {
        return s;
    }
    made.bytes = count * bytes_of(type);
    if (made.bytes == 0) {
        return {Code::usage, "a tensor without elements has no memory to reserve"};
    }
    made.room = impl_->arena.reserve(made.bytes);
    if (!made.room) {
        made.own.reset(
            static_cast<std::byte*>(std::aligned_alloc(kArenaAlign, client::ArenaRanges::rounded(made.bytes))));
        if (made.own == nullptr) {
            return {Code::usage, "there is no memory for a tensor of " + std::to_string(made.bytes) + " bytes"};
        }
    }
    data = made.room ? made.room->data() : made.own.get();
    impl_->reserved.emplace(data, std::move(made));
    return {};
}

ClientStatus Client::commit_tensor(std::string_view key, const void* data) {
    const auto found = impl_->reserved.find(data);
    if (found == impl_->reserved.end()) {
        return unknown();
    }
    const client::Reserved reserved = std::move(found->second);
    impl_->reserved.erase(found);
    const TensorIn tensor{key, reserved.type, reserved.shape, data};
    if (reserved.room && impl_->arena.commit(*reserved.room, tensor)) {
        return impl_->arena.outcome({});
    }
    ClientStatus s = put_tensor(tensor);
    if (reserved.room) {
        impl_->arena.discard(*reserved.room);
    }
    return s;
}

ClientStatus Client::discard_tensor(const void* data) {
    const auto found = impl_->reserved.find(data);
    if (found == impl_->reserved.end()) {
        return unknown();
    }
    if (found->second.room) {
        impl_->arena.discard(*found->second.room);
    }
    impl_->reserved.erase(found);
    return {};
}

}  // namespace inferstep
