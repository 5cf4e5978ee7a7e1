// Texts as people write and see them.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace inferstep {

// Without blanks, tabs and carriage returns at its ends.
inline std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r");
    return begin == std::string_view::npos ? std::string_view()
                                           : text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

// At least one character, and nothing but digits.
inline bool all_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Characters that are seen, one column each (UTF-8).
std::size_t seen_width(std::string_view text);

// At most `width` columns, with "…" at the end where something had to go.
std::string shortened(const std::string& text, std::size_t width);

// The bytes of the character at the front of `text`; 0: these bytes are none of UTF-8.
inline std::size_t utf8_length(std::string_view text) {
    const auto byte = [text](std::size_t at) {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : static_cast<unsigned char>(0);
    };
    const unsigned first = byte(0);
    const unsigned second = byte(1);
    const std::size_t length = text.empty()                     ? 0
                               : first < 0x80                   ? 1
                               : first >= 0xc2 && first <= 0xdf ? 2
                               : (first & 0xf0U) == 0xe0        ? 3
                               : first >= 0xf0 && first <= 0xf4 ? 4
                                                                : 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0U) != 0x80) {
            return 0;
        }
    }
    const bool too_long = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool no_character = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
    return too_long || no_character ? 0 : length;
}

// Where the first byte stands that is none of UTF-8; npos: nowhere.
inline std::size_t find_no_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_length(text.substr(at));
        if (length == 0) {
            return at;
        }
        at += length;
    }
    return std::string_view::npos;
}

// With U+FFFD in the place of each byte that is none of UTF-8.
inline std::string as_utf8(std::string_view text) {
    std::string out;
    for (std::size_t bad = find_no_utf8(text); bad != std::string_view::npos; bad = find_no_utf8(text)) {
        out.append(text.substr(0, bad)).append("\xef\xbf\xbd");
        text.remove_prefix(bad + 1);
    }
    return out.append(text);
}

// "1 node", "2 nodes"
template <typename Int>
std::string counted(Int number, std::string_view thing) {
    return fmt::format("{} {}{}", number, thing, number == 1 ? "" : "s");
}

}  // namespace inferstep
