#include "llm/files/gguf_values.hpp"

#include <limits>

#include "core/text.hpp"

namespace inferstep::llm {
namespace {

enum Type : std::uint32_t {
    kUint8,
    kInt8,
    kUint16,
    kInt16,
    kUint32,
    kInt32,
    kFloat32,
    kBool,
    kString,
    kArray,
    kUint64,
    kInt64,
    kFloat64,
    kTypes
};

constexpr std::uint64_t kSmallest[kTypes] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};  // bytes of a value

std::int64_t integer_of(Type type, GgufCursor& cursor) {
    switch (type) {
        case kUint8:
            return cursor.number<std::uint8_t>();
        case kInt8:
            return cursor.number<std::int8_t>();
        case kUint16:
            return cursor.number<std::uint16_t>();
        case kInt16:
            return cursor.number<std::int16_t>();
        case kUint32:
            return cursor.number<std::uint32_t>();
        case kInt32:
            return cursor.number<std::int32_t>();
        case kInt64:
            return cursor.number<std::int64_t>();
        case kUint64: {
            const auto value = cursor.number<std::uint64_t>();  // larger ones mean nothing in any key that we read
            return static_cast<std::int64_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::int64_t>::max()));
        }
        default:
            return 0;
    }
}

double real_of(Type type, GgufCursor& cursor) {
    return type == kFloat32   ? static_cast<double>(cursor.number<float>())
           : type == kFloat64 ? cursor.number<double>()
                              : static_cast<double>(integer_of(type, cursor));
}

GgufValue list_of(GgufCursor& cursor, const std::string& key) {
    const auto type = cursor.number<std::uint32_t>();
    if (type >= kTypes || type == kArray) {
        cursor.note(fail("{}: {} is a list of values of type {}, which is not understood", cursor.path(), key, type));
        return std::int64_t{0};
    }
    const std::uint64_t count = cursor.count(kSmallest[type]);
    if (type == kString) {
        std::vector<std::string> all;
        all.reserve(count);
        for (std::uint64_t i = 0; i < count && cursor.status(); ++i) {
            all.emplace_back(cursor.text());
        }
        return all;
    }
    std::vector<double> all(count);
    for (double& value : all) {
        value = type == kBool ? static_cast<double>(cursor.number<std::uint8_t>() != 0)
                              : real_of(static_cast<Type>(type), cursor);
    }
    return all;
}

GgufValue value_of(GgufCursor& cursor, const std::string& key) {
    const auto type = cursor.number<std::uint32_t>();
    switch (type) {
        case kFloat32:
        case kFloat64:
            return real_of(static_cast<Type>(type), cursor);
        case kBool:
            return cursor.number<std::uint8_t>() != 0;
        case kString:
            return std::string(cursor.text());
        case kArray:
            return list_of(cursor, key);
        default:
            break;
    }
    if (type >= kTypes) {
        cursor.note(fail("{}: {} has a value of type {}, which is not understood", cursor.path(), key, type));
    }
    return integer_of(static_cast<Type>(type), cursor);
}

}  // namespace

void GgufCursor::note(Error error) {
    if (status_) {
        status_ = std::move(error);
    }
}

bool GgufCursor::take(std::uint64_t bytes) {
    if (!status_ || bytes > bytes_.size() - at_) {
        note(fail("{}: its header ends beyond the file's {} bytes: it is truncated, or no GGUF file", path_,
                  bytes_.size()));
        return false;
    }
    at_ += static_cast<std::size_t>(bytes);
    return true;
}

std::string_view GgufCursor::text() {
    const auto size = number<std::uint64_t>();
    return take(size) ? as_text(bytes_.subspan(at_ - size, size)) : std::string_view();
}

std::uint64_t GgufCursor::count(std::uint64_t smallest) {
    const auto count = number<std::uint64_t>();
    if (count > (bytes_.size() - at_) / smallest) {
        note(fail("{}: its header tells of {} values, more than fit into the file: it is truncated, or no GGUF file",
                  path_, count));
        return 0;
    }
    return count;
}

Result<GgufValues> GgufValues::read(GgufCursor& cursor, std::uint64_t count) {
    GgufValues all;
    all.path_ = cursor.path();
    for (std::uint64_t i = 0; i < count && cursor.status(); ++i) {
        std::string key(cursor.text());
        GgufValue value = value_of(cursor, as_utf8(key));
        if (cursor.status() && !all.values_.try_emplace(key, std::move(value)).second) {
            return fail("{}: its metadata has {} twice", cursor.path(), as_utf8(key));
        }
    }
    if (!cursor.status()) {
        return cursor.status().error();
    }
    return all;
}

template <typename T>
Result<T> GgufValues::get(const std::string& key, const char* kind, const std::optional<T>& fallback) const {
    const auto found = values_.find(key);
    if (found == values_.end()) {
        return fallback ? Result<T>(*fallback) : Result<T>(fail("{}: its metadata has no {}", path_, key));
    }
    if (const T* value = std::get_if<T>(&found->second)) {
        return *value;
    }
    return fail("{}: {} in its metadata is not {}", path_, key, kind);
}

Result<int> GgufValues::integer(const std::string& key, std::optional<int> fallback) const {
    const Result<std::int64_t> value =
        get<std::int64_t>(key, "a whole number", fallback ? std::optional<std::int64_t>(*fallback) : std::nullopt);
    if (!value) {
        return value.error();
    }
    if (*value > std::numeric_limits<int>::max() || *value < std::numeric_limits<int>::min()) {
        return fail("{}: {} in its metadata is {}, which is no sensible number", path_, key, *value);
    }
    return static_cast<int>(*value);
}

Result<double> GgufValues::real(const std::string& key, std::optional<double> fallback) const {
    return get<double>(key, "a floating-point number", fallback);
}

Result<bool> GgufValues::truth(const std::string& key, bool fallback) const {
    return get<bool>(key, "true or false", fallback);
}

Result<std::string> GgufValues::text(const std::string& key, const std::optional<std::string>& fallback) const {
    return get<std::string>(key, "a text", fallback);
}

Result<std::vector<std::string>> GgufValues::texts(const std::string& key) const {
    return get<std::vector<std::string>>(key, "a list of texts", std::vector<std::string>());
}

Result<std::vector<double>> GgufValues::numbers(const std::string& key) const {
    return get<std::vector<double>>(key, "a list of numbers", std::vector<double>());
}

}  // namespace inferstep::llm
