#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

#include "inferdb/args.hpp"
#include "inferdb/commands.hpp"
#include "inferdb/dtype.hpp"
#include "inferdb/keys.hpp"
#include "inferdb/tensor.hpp"
#include "inferdb/tensor_words.hpp"

namespace inferstep {
namespace {

using redis::Context;
using redis::String;

// Call visit(T{}) with the C++ type of an element. Strings have none: the caller has dealt with them.
template <typename Visit>
auto with_element(DType type, Visit visit) {
    switch (type) {
        case DType::float32:
            return visit(float{});
        case DType::float64:
            return visit(double{});
        case DType::int8:
            return visit(std::int8_t{});
        case DType::int16:
            return visit(std::int16_t{});
        case DType::int32:
            return visit(std::int32_t{});
        case DType::int64:
            return visit(std::int64_t{});
        case DType::uint16:
            return visit(std::uint16_t{});
        default:
            return visit(std::uint8_t{});
    }
}

// What TENSORSET says before its data: type and shape.
Status read_head(Args& args, TensorView& tensor) {
    const std::string_view name = args.text();
    bool known = false;
    for (const DTypeInfo& info : kDTypes) {
        if (same_word(name, info.name)) {
            tensor.dtype = info.type;
            known = true;
        }
    }
    if (!known) {
        return fail("invalid data type");
    }
    while (args.more() && !same_word(args.peek(), "BLOB") && !same_word(args.peek(), "VALUES")) {
        const auto extent = args.number(0, std::numeric_limits<std::int64_t>::max());
        if (!extent) {
            return fail("invalid or negative value found in tensor shape");
        }
        tensor.shape.push_back(*extent);
        if (tensor.shape.size() > kMaxRank) {
            return fail("a tensor has at most {} dimensions", kMaxRank);
        }
    }
    return Status::ok();
}

Status read_strings(Args& args, TensorView& tensor) {
    std::string joined;
    while (args.more()) {
        const std::string_view text = args.text();
        if (text.find('\0') != std::string_view::npos) {
            return fail("an element of a STRING tensor holds a NUL");
        }
        joined.append(text).push_back('\0');
    }
    const auto memory = allocate(joined.size());
    if (!memory) {
        return fail("no memory for a tensor of {} bytes", joined.size());
    }
    std::memcpy(memory.get(), joined.data(), joined.size());
    tensor.data = memory.get();
    tensor.bytes = joined.size();
    tensor.owner = memory;
    return Status::ok();
}

// Room for the tensor, filled with zeros.
Result<char*> make_room(TensorView& tensor, std::size_t bytes) {
    const auto memory = allocate(bytes);
    if (!memory) {
        return fail("no memory for a tensor of {} bytes", bytes);
    }
    std::memset(memory.get(), 0, bytes);
    tensor.data = memory.get();
    tensor.bytes = bytes;
    tensor.owner = memory;
    return static_cast<char*>(memory.get());
}

Status read_values(Args& args, TensorView& tensor, std::size_t bytes) {
    const auto room = make_room(tensor, bytes);
    if (!room) {
        return room.error();
    }
    return with_element(tensor.dtype, [&](auto element) -> Status {
        using Element = decltype(element);
        for (std::size_t i = 0; args.more(); ++i) {
            const auto value = parse_number<Element>(args.peek());
            if (!value || (tensor.dtype == DType::boolean && *value > Element{1})) {
                return fail("value {} of the tensor is not a {}", i, dtype_info(tensor.dtype).name);
            }
            std::memcpy(*room + i * sizeof(Element), &*value, sizeof(Element));
            args.string();
        }
        return Status::ok();
    });
}

Status read_blob(Args& args, TensorView& tensor, std::size_t bytes) {
    redis::String* blob = args.string();
    const std::string_view content = text_of(blob);
    tensor.data = content.data();
    tensor.bytes = content.size();
    if (tensor.dtype != DType::string && content.size() != bytes) {
        return fail("data length does not match tensor shape and type");
    }
    if (Status status = check_content(tensor); !status) {
        return status;
    }
    tensor.owner = hold(blob);  // the bytes stay where they were received
    return Status::ok();
}

Status read_tensor(Args& args, TensorView& tensor) {
    if (Status status = read_head(args, tensor); !status) {
        return status;
    }
    const auto bytes = tensor_size(tensor.dtype, tensor.shape);
    if (!bytes) {
        return bytes.error();
    }
    if (!args.more()) {
        const auto room = make_room(tensor, *bytes);
        return room ? Status::ok() : Status(room.error());
    }
    if (args.take("BLOB")) {
        return args.left() == 1 ? read_blob(args, tensor, *bytes) : fail("BLOB is followed by one argument, the last");
    }
    args.take("VALUES");
    const std::size_t count = *bytes / std::max<std::size_t>(dtype_info(tensor.dtype).size, 1);
    if (static_cast<std::size_t>(args.left()) != count) {
        return fail("{} values were given for a tensor of {} elements", args.left(), count);
    }
    return tensor.dtype == DType::string ? read_strings(args, tensor) : read_values(args, tensor, *bytes);
}

void reply_strings(Context* context, const TensorView& tensor) {
    const std::string_view all(static_cast<const char*>(tensor.data), tensor.bytes);
    redis::ReplyWithArray(context, std::count(all.begin(), all.end(), '\0'));
    for (std::size_t at = 0; at < all.size();) {
        const std::string_view one = all.substr(at, all.find('\0', at) - at);
        reply_text(context, one);
        at += one.size() + 1;
    }
}

void reply_values(Context* context, const TensorView& tensor) {
    if (tensor.dtype == DType::string) {
        reply_strings(context, tensor);
        return;
    }
    const std::size_t count = tensor.bytes / dtype_info(tensor.dtype).size;
    redis::ReplyWithArray(context, static_cast<long>(count));
    with_element(tensor.dtype, [&](auto element) {
        for (std::size_t i = 0; i < count; ++i) {
            std::memcpy(&element, static_cast<const char*>(tensor.data) + i * sizeof element, sizeof element);
            if constexpr (std::is_floating_point_v<decltype(element)>) {
                redis::ReplyWithDouble(context, static_cast<double>(element));
            } else {
                redis::ReplyWithLongLong(context, element);
            }
        }
    });
}

void reply_blob(Context* context, const TensorView& tensor) {
    redis::ReplyWithStringBuffer(context, static_cast<const char*>(tensor.data), tensor.bytes);
}

}  // namespace

Result<TensorRef> read_tensor_set(Args args) {
    auto tensor = std::make_shared<TensorView>();
    const Status status = read_tensor(args, *tensor);
    return status ? Result<TensorRef>(std::move(tensor)) : Result<TensorRef>(status.error());
}

Result<TensorParts> read_tensor_get(Args args) {
    TensorParts parts;
    while (args.more()) {
        bool& word = args.take("META") ? parts.meta : args.take("BLOB") ? parts.blob : parts.values;
        if (&word == &parts.values && !args.take("VALUES")) {
            return fail("AI.TENSORGET takes META, BLOB and VALUES, not {}", args.peek().substr(0, 64));
        }
        word = true;
    }
    if (parts.blob && parts.values) {
        return fail("both BLOB and VALUES specified");
    }
    if (!parts.meta && !parts.blob && !parts.values) {
        parts.meta = parts.blob = true;
    }
    return parts;
}

int reply_tensor(Context* context, const TensorView& tensor, const TensorParts& parts) {
    if (parts.meta) {
        redis::ReplyWithArray(context, parts.blob || parts.values ? 6 : 4);
        reply_tensor_head(context, tensor);
        if (parts.blob || parts.values) {
            reply_text(context, parts.blob ? "blob" : "values");
        }
    }
    if (parts.blob) {
        reply_blob(context, tensor);
    } else if (parts.values) {
        reply_values(context, tensor);
    }
    return redis::kOk;
}

namespace command {

// AI.TENSORSET key type extent… [BLOB data | VALUES value…]
int tensor_set(Context* context, String** argv, int argc) {
    if (argc < 4) {
        return redis::WrongArity(context);
    }
    auto tensor = read_tensor_set(Args(argv, argc, 2));
    const Status status = tensor ? store_tensor(context, argv[1], std::move(*tensor)) : Status(tensor.error());
    if (!status) {
        return reply_error(context, status.error());
    }
    redis::ReplicateVerbatim(context);
    return redis::ReplyWithSimpleString(context, "OK");
}

// AI.TENSORGET key [META] [BLOB | VALUES]      none of them: META BLOB
int tensor_get(Context* context, String** argv, int argc) {
    if (argc < 2) {
        return redis::WrongArity(context);
    }
    const auto parts = read_tensor_get(Args(argv, argc, 2));
    if (!parts) {
        return reply_error(context, parts.error());
    }
    const auto found = find_tensor(context, argv[1]);
    return found ? reply_tensor(context, **found, *parts) : reply_error(context, found.error());
}

}  // namespace command
}  // namespace inferstep
