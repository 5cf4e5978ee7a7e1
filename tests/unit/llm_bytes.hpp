// Files of the unit tests, made byte by byte.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "llm/files/tensor_source.hpp"

namespace inferstep::test {

inline llm::FileBytes bytes_of_text(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

template <typename T>
std::string raw(T value) {
    std::string out(sizeof value, '\0');
    std::memcpy(out.data(), &value, sizeof value);
    return out;
}

inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    return at == std::string::npos ? text + "?" : text.replace(at, from.size(), to);
}

}  // namespace inferstep::test
