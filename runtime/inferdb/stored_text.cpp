#include "inferdb/stored_text.hpp"

#include <algorithm>

namespace inferstep {
namespace {

constexpr std::uint64_t kMaxTexts = 4096;

}  // namespace

void save_text(redis::Io* io, std::string_view text) { redis::SaveStringBuffer(io, text.data(), text.size()); }

void save_texts(redis::Io* io, const std::vector<std::string>& texts) {
    redis::SaveUnsigned(io, texts.size());
    for (const std::string& text : texts) {
        save_text(io, text);
    }
}

LoadedBytes load_bytes(redis::Io* io) {
    std::size_t length = 0;
    char* data = redis::LoadStringBuffer(io, &length);
    if (redis::IsIOError(io) != 0 || data == nullptr) {
        return {};
    }
    return {{data, length}, {data, [](const void* p) { redis::Free(const_cast<void*>(p)); }}};
}

std::string load_text(redis::Io* io) { return std::string(load_bytes(io).bytes); }

std::vector<std::string> load_texts(redis::Io* io) {
    std::vector<std::string> texts;
    const std::uint64_t count = std::min(redis::LoadUnsigned(io), kMaxTexts);
    for (std::uint64_t i = 0; i < count && redis::IsIOError(io) == 0; ++i) {
        texts.push_back(load_text(io));
    }
    return texts;
}

void emit_command(redis::Io* io, const char* command, redis::String* key, const std::vector<std::string>& words,
                  std::string_view last) {
    std::vector<redis::String*> strings;
    strings.reserve(words.size());
    for (const std::string& word : words) {
        strings.push_back(redis::CreateString(nullptr, word.data(), word.size()));
    }
    redis::EmitAOF(io, command, "svb", key, strings.data(), strings.size(), last.data(), last.size());
    for (redis::String* string : strings) {
        redis::FreeString(nullptr, string);
    }
}

}  // namespace inferstep
