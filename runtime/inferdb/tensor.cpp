#include "inferdb/tensor.hpp"

#include <algorithm>
#include <cstring>

#include "inferdb/arena_memory.hpp"
#include "inferdb/dtype.hpp"
#include "inferdb/settings.hpp"
#include "inferdb/stored_text.hpp"
#include "inferdb/typed_key.hpp"

namespace inferstep {
namespace {

bool replicas_listen = false;

// A replica begins with a file that a forked child writes; from the fork on it wants every change.
void on_fork(redis::Context* context, redis::ServerEvent, std::uint64_t, void*) {
    int error = 0;
    redis::ServerInfo* info = redis::GetServerInfo(context, "replication");
    const auto backlog = redis::ServerInfoGetFieldUnsigned(info, "repl_backlog_active", &error);
    replicas_listen = replicas_listen || backlog != 0 || error != redis::kOk;
    redis::FreeServerInfo(context, info);
}

// The words of an AI.TENSORSET that makes this tensor, up to and without its data.
std::vector<std::string> head_of(const TensorView& tensor) {
    std::vector<std::string> words = {std::string(dtype_info(tensor.dtype).name)};
    std::transform(tensor.shape.begin(), tensor.shape.end(), std::back_inserter(words),
                   [](std::int64_t extent) { return std::to_string(extent); });
    words.emplace_back("BLOB");
    return words;
}

std::string_view bytes_of(const TensorView& tensor) { return {static_cast<const char*>(tensor.data), tensor.bytes}; }

struct TensorKind {
    using Value = const TensorView;
    static constexpr const char* kName = "INF_TENSR";
    static constexpr int kEncoding = 0;
    static constexpr const char* kEmpty = "tensor key is empty or in a different shard";
    static constexpr bool kListed = false;

    static void save(redis::Io* io, const TensorView& tensor) {
        redis::SaveUnsigned(io, static_cast<std::uint64_t>(tensor.dtype));
        redis::SaveUnsigned(io, tensor.shape.size());
        for (const std::int64_t extent : tensor.shape) {
            redis::SaveUnsigned(io, static_cast<std::uint64_t>(extent));
        }
        save_text(io, bytes_of(tensor));
    }

    static TensorRef load(redis::Io* io, int encoding);

    static void rewrite(redis::Io* io, redis::String* key, const TensorView& tensor) {
        emit_command(io, "AI.TENSORSET", key, head_of(tensor), bytes_of(tensor));
    }

    static std::size_t memory(const TensorView& tensor) {
        return sizeof tensor + tensor.shape.size() * sizeof(std::int64_t) + tensor.bytes;
    }

    static void made(TensorRef* value) { keep_note(value); }
    static void gone(TensorRef* value) { drop_note(value); }
};
using TensorKey = TypedKey<TensorKind>;

// A file may be damaged: nothing in it is trusted, and a bad one is refused as a whole.
TensorRef TensorKind::load(redis::Io* io, int) {
    const auto refuse = [io](const char* why) -> TensorRef {
        redis::LogIOError(io, "warning", "cannot read a tensor: %s", why);
        return nullptr;
    };
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
    LoadedBytes loaded = load_bytes(io);
    if (!loaded.owner) {
        return refuse("its data is missing");
    }
    tensor->data = loaded.bytes.data();
    tensor->bytes = loaded.bytes.size();
    tensor->owner = std::move(loaded.owner);
    const auto size = tensor_size(tensor->dtype, tensor->shape);
    if (!size || (tensor->dtype != DType::string && *size != tensor->bytes) || !check_content(*tensor)) {
        return refuse("its shape and its data disagree");
    }
    return tensor;
}

}  // namespace

bool register_tensor_type(redis::Context* context) {
    replicas_listen = redis::SubscribeToServerEvent(context, redis::kForkEvent, on_fork) != redis::kOk;
    return TensorKey::register_type(context);
}

Result<TensorRef> find_tensor(redis::Context* context, redis::String* name) { return TensorKey::find(context, name); }

Status check_tensor_key(redis::Context* context, redis::String* name) { return TensorKey::check(context, name); }

Status store_tensor(redis::Context* context, redis::String* name, TensorRef tensor) {
    return TensorKey::store(context, name, std::move(tensor));
}

bool replicate_tensor(redis::Context* context, redis::String* name, const TensorView& tensor) {
    if (!replicas_listen && (redis::GetContextFlags(context) & redis::kFlagAof) == 0) {
        return false;  // Redis would make a copy of the tensor before it finds that nobody wants it
    }
    std::vector<redis::String*> head;
    for (const std::string& word : head_of(tensor)) {
        head.push_back(redis::CreateString(context, word.data(), word.size()));
    }
    redis::Replicate(context, "AI.TENSORSET", "svb", name, head.data(), head.size(),
                     static_cast<const char*>(tensor.data), tensor.bytes);
    for (redis::String* word : head) {
        redis::FreeString(context, word);
    }
    return true;
}

void reply_tensor_head(redis::Context* context, const TensorView& tensor) {
    reply_text(context, "dtype");
    reply_text(context, dtype_info(tensor.dtype).name);
    reply_text(context, "shape");
    redis::ReplyWithArray(context, static_cast<long>(tensor.shape.size()));
    for (const std::int64_t extent : tensor.shape) {
        redis::ReplyWithLongLong(context, extent);
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
