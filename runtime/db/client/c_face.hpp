// What the files of the C face share: no exception and no C++ type crosses it. Private to the library.
#pragma once

#include <new>
#include <string>
#include <vector>

#include "db/client/inferclient.hpp"

// The declarations of inferclient.h are the library's only other exports.
#pragma GCC visibility push(default)
#include "db/client/inferclient.h"
#pragma GCC visibility pop

struct inferclient {
    inferstep::Client client;
    std::string error;
};

namespace inferstep::c_face {

using Code = ClientStatus::Code;

// Run `work` and keep its sentence. The only exceptions there can be are those of memory.
template <typename Work>
int guarded(inferclient* handle, Work work) noexcept {
    if (handle == nullptr) {
        return INFERCLIENT_USAGE;
    }
    try {
        const ClientStatus status = work(handle->client);
        handle->error = status.message();
        return static_cast<int>(status.code());
    } catch (const std::exception&) {
        handle->error.clear();
        handle->error = "out of memory";  // fits a string's own buffer: does not allocate
        return INFERCLIENT_USAGE;
    }
}

inline ClientStatus wrong(const char* what) { return {Code::usage, what}; }

inline bool known(inferclient_type type) { return type >= INFERCLIENT_FLOAT32 && type <= INFERCLIENT_BOOL; }

inline ClientStatus take(const inferclient_tensor* in, TensorIn& out) {
    if (in == nullptr || in->key == nullptr || in->shape == nullptr || in->rank < 1 || !known(in->type)) {
        return wrong("a tensor needs a key, a known type and a shape of at least one dimension");
    }
    out = {in->key, static_cast<TensorType>(in->type), {in->shape, static_cast<std::size_t>(in->rank)}, in->data};
    return {};
}

inline bool take_list(const char* const* items, int count, std::vector<std::string>& out) {
    for (int i = 0; items != nullptr && i < count && items[i] != nullptr; ++i) {
        out.emplace_back(items[i]);
    }
    return count >= 1 && out.size() == static_cast<std::size_t>(count);
}

inline Client::Milliseconds limit(int timeout_ms) { return Client::Milliseconds{timeout_ms > 0 ? timeout_ms : 0}; }

// The bytes of a file. usage: it cannot be read.
ClientStatus read_whole(const char* path, std::vector<std::byte>& file);

}  // namespace inferstep::c_face
