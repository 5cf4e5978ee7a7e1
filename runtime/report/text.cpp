#include "report/text.hpp"

#include <algorithm>
#include <array>

#include "core/text.hpp"

namespace inferstep::report {
namespace {

constexpr const char* kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Bytes of the character at the front, 0 where none is well-formed there.
std::size_t length_at(std::string_view text) {
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xC2 ? 0
                               : first < 0xE0 ? 2
                               : first < 0xF0 ? 3
                               : first < 0xF5 ? 4
                                              : 0;
    if (length == 0 || length > text.size()) {
        return 0;
    }
    return std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(length), continues) ? length : 0;
}

char32_t code_of(std::string_view character) {
    constexpr std::array<unsigned char, 5> kMask = {0, 0x7F, 0x1F, 0x0F, 0x07};
    char32_t code = static_cast<unsigned char>(character[0]) & kMask[character.size()];
    for (const char c : character.substr(1)) {
        code = (code << 6) | (static_cast<unsigned char>(c) & 0x3FU);
    }
    return code;
}

// Not a character at all (overlong, a surrogate, too large), or one that does something instead of being seen.
bool unfit(std::string_view character) {
    constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
    const char32_t c = code_of(character);
    const bool broken = c < kLeast[character.size()] || (c >= 0xD800 && c < 0xE000) || c > 0x10FFFF;
    const bool control =
        c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || c == 0xFFFE || c == 0xFFFF;
    const bool turns = c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
    return broken || control || turns;
}

}  // namespace

std::string clean_text(std::string_view text) {
    std::string clean;
    while (!text.empty()) {
        const std::size_t length = length_at(text);
        if (length == 0 || unfit(text.substr(0, length))) {
            clean += kReplacement;
        } else {
            clean += text.substr(0, length);
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return clean;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : clean_text(text)) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string with_unit(const std::string& name, const std::string& unit) {
    return unit.empty() || unit == name ? name : name + " [" + unit + "]";
}

std::string abridged(const std::string& text, std::size_t most) {
    const std::size_t all = seen_width(text);
    if (all <= most) {
        return text;
    }
    const std::size_t tail = (most - 1) / 2;
    const std::size_t head = most - 1 - tail;
    std::string out;
    std::size_t index = 0;  // of the character
    for (std::size_t i = 0; i < text.size(); ++i) {
        index += i > 0 && !continues(text[i]) ? 1U : 0U;
        if (index == head && !continues(text[i])) {
            out += "…";
        }
        if (index < head || index >= all - tail) {
            out += text[i];
        }
    }
    return out;
}

}  // namespace inferstep::report
