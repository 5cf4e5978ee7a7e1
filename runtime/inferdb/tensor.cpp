#include "inferdb/tensor.hpp"

#include <algorithm>
#include <cstring>

#include "inferdb/dtype.hpp"
#include "inferdb/keys.hpp"
#include "inferdb/settings.hpp"

namespace inferstep {
namespace {

redis::Type* tensor_type = nullptr;

TensorRef& value_of(void* value) { return *static_cast<TensorRef*>(value); }

void save(redis::Io* io, void* value) {
    const TensorView& tensor = *value_of(value);
    redis::SaveUnsigned(io, static_cast<std::uint64_t>(tensor.dtype));
    redis::SaveUnsigned(io, tensor.shape.size());
    for (const std::int64_t extent : tensor.shape) {
        redis::SaveUnsigned(io, static_cast<std::uint64_t>(extent));
    }
    redis::SaveStringBuffer(io, static_cast<const char*>(tensor.data), tensor.bytes);
}

// A file may be damaged: nothing in it is trusted, and a bad one is refused as a whole.
void* load(redis::Io* io, int encoding) {
    const auto refuse = [io](const char* why) -> void* {
        redis::LogIOError(io, "warning", "cannot read a tensor: %s", why);
        return nullptr;
    };
    if (encoding != 0) {
        return refuse("it was written by a newer version");
    }
    auto tensor = std::make_shared<TensorView>();
    const std::uint64_t type = redis::LoadUnsigned(io);
    const std::uint64_t rank = redis::LoadUnsigned(io);
    if (redis::IsIOError(io) != 0 || type >= kDTypes.size() || rank > kMaxRank) {
        return refuse("its head makes no sense");
    }
    tensor->dtype = static_cast<DType>(type);
    for (std::uint64_t i = 0; i < rank; ++i) {
        tensor->shape.push_back(static_cast<std::int64_t>(redis::LoadUnsigned(io)));
    }
    char* data = redis::LoadStringBuffer(io, &tensor->bytes);
    if (redis::IsIOError(io) != 0 || data == nullptr) {
        return refuse("its data is missing");
    }
    tensor->data = data;
    tensor->owner = std::shared_ptr<const void>(data, [](const void* p) { redis::Free(const_cast<void*>(p)); });
    const auto size = tensor_size(tensor->dtype, tensor->shape);
    if (!size || (tensor->dtype != DType::string && *size != tensor->bytes) || !check_content(*tensor)) {
        return refuse("its shape and its data disagree");
    }
    return new TensorRef(std::move(tensor));
}

// The words of an AI.TENSORSET that makes this tensor, up to and without its data.
std::vector<redis::String*> head_of(redis::Context* context, const TensorView& tensor) {
    std::vector<redis::String*> words;
    const auto add = [&](std::string_view word) {
        words.push_back(redis::CreateString(context, word.data(), word.size()));
    };
    add(dtype_info(tensor.dtype).name);
    for (const std::int64_t extent : tensor.shape) {
        add(std::to_string(extent));
    }
    add("BLOB");
    return words;
}

void rewrite(redis::Io* io, redis::String* key, void* value) {
    const TensorView& tensor = *value_of(value);
    const std::vector<redis::String*> head = head_of(nullptr, tensor);
    redis::EmitAOF(io, "AI.TENSORSET", "svb", key, head.data(), head.size(), static_cast<const char*>(tensor.data),
                   tensor.bytes);
    for (redis::String* word : head) {
        redis::FreeString(nullptr, word);
    }
}

std::size_t memory(const void* value) {
    const TensorView& tensor = **static_cast<const TensorRef*>(value);
    return sizeof tensor + tensor.shape.size() * sizeof(std::int64_t) + tensor.bytes;
}

void release(void* value) { delete static_cast<TensorRef*>(value); }

}  // namespace

bool register_tensor_type(redis::Context* context) {
    redis::TypeMethods methods;
    methods.rdb_load = load;
    methods.rdb_save = save;
    methods.aof_rewrite = rewrite;
    methods.mem_usage = memory;
    methods.free = release;
    tensor_type = redis::CreateDataType(context, "INF_TENSR", 0, &methods);
    return tensor_type != nullptr;
}

Result<TensorRef> find_tensor(redis::Context* context, redis::String* name) {
    const OpenKey key(context, name, redis::kRead);
    if (key.empty()) {
        return Error{"tensor key is empty or in a different shard", {}};
    }
    void* value = key.value(tensor_type);
    return value != nullptr ? Result<TensorRef>(value_of(value)) : Result<TensorRef>(wrong_type());
}

Status store_tensor(redis::Context* context, redis::String* name, TensorRef tensor) {
    const OpenKey key(context, name, redis::kRead | redis::kWrite);
    if (!key.empty() && key.value(tensor_type) == nullptr) {
        return wrong_type();
    }
    redis::ModuleTypeSetValue(key.get(), tensor_type, new TensorRef(std::move(tensor)));
    return Status::ok();
}

void replicate_tensor(redis::Context* context, redis::String* name, const TensorView& tensor) {
    const std::vector<redis::String*> head = head_of(context, tensor);
    redis::Replicate(context, "AI.TENSORSET", "svb", name, head.data(), head.size(),
                     static_cast<const char*>(tensor.data), tensor.bytes);
    for (redis::String* word : head) {
        redis::FreeString(context, word);
    }
}

std::shared_ptr<void> allocate(std::size_t bytes) {
    void* p = redis::TryAlloc(std::max<std::size_t>(bytes, 1));
    return p == nullptr ? nullptr : std::shared_ptr<void>(p, [](void* q) { redis::Free(q); });
}

std::shared_ptr<const void> hold(redis::String* string) {
    return {redis::HoldString(nullptr, string),
            [](const void* s) { redis::FreeString(nullptr, static_cast<redis::String*>(const_cast<void*>(s))); }};
}

Result<std::size_t> tensor_size(DType type, const std::vector<std::int64_t>& shape) {
    const std::size_t limit = settings().max_tensor;
    std::size_t size = std::max<std::size_t>(dtype_info(type).size, 1);
    bool overflow = false;
    bool none = false;  // an extent of zero: no bytes, but the others must make sense nevertheless
    for (const std::int64_t extent : shape) {
        none = none || extent == 0;
        const auto factor = static_cast<std::size_t>(std::max<std::int64_t>(extent, 1));
        overflow = overflow || extent < 0 || __builtin_mul_overflow(size, factor, &size);
    }
    if (overflow || size > limit) {
        return fail("the tensor is larger than {} bytes, the limit MAXTENSOR of this database", limit);
    }
    return none ? std::size_t{0} : size;
}

Status check_content(const TensorView& tensor) {
    const char* data = static_cast<const char*>(tensor.data);
    if (tensor.dtype == DType::boolean &&
        std::any_of(data, data + tensor.bytes, [](char c) { return c != 0 && c != 1; })) {
        return fail("a BOOL tensor has elements 0 and 1 only");
    }
    if (tensor.dtype == DType::string) {
        const auto count = tensor_size(DType::string, tensor.shape);
        const auto ends = static_cast<std::size_t>(std::count(data, data + tensor.bytes, '\0'));
        if (!count || ends != *count || (tensor.bytes != 0 && data[tensor.bytes - 1] != '\0')) {
            return fail("number of string elements in data blob does not match tensor length");
        }
    }
    return Status::ok();
}

}  // namespace inferstep
