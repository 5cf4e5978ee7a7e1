#include "llm/text/byte_letters.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace inferstep::llm {
namespace {

bool is_shown(int byte) { return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad); }

std::string utf8(int code) {  // below U+0800
    std::string text;
    if (code >= 0x80) {
        text += static_cast<char>(0xc0 | code >> 6);
        code = 0x80 | (code & 0x3f);
    }
    return text + static_cast<char>(code);
}

std::array<std::string, 256> make_letters() {
    std::array<std::string, 256> letters;
    int hidden = 0;
    for (int byte = 0; byte < 256; ++byte) {
        letters[static_cast<std::size_t>(byte)] = utf8(is_shown(byte) ? byte : 0x100 + hidden++);
    }
    return letters;
}

constexpr int kLast = 0x100 + 68;  // so many characters are not shown

// The byte of each character below; -1: none.
std::array<int, kLast> make_bytes() {
    std::array<int, kLast> bytes{};
    bytes.fill(-1);
    int hidden = 0;
    for (int byte = 0; byte < 256; ++byte) {
        bytes[static_cast<std::size_t>(is_shown(byte) ? byte : 0x100 + hidden++)] = byte;
    }
    return bytes;
}

int code_of(std::string_view letter) {
    const auto byte = [&](std::size_t i) { return static_cast<int>(static_cast<unsigned char>(letter[i])); };
    return letter.size() == 1 ? byte(0) : letter.size() == 2 ? (byte(0) & 0x1f) << 6 | (byte(1) & 0x3f) : kLast;
}

}  // namespace

const std::array<std::string, 256>& byte_letters() {
    static const std::array<std::string, 256> letters = make_letters();
    return letters;
}

std::string bytes_of_letters(std::string_view piece) {
    static const std::array<int, kLast> bytes = make_bytes();
    std::string out;
    while (!piece.empty()) {
        const std::string_view letter = piece.substr(0, std::max<std::size_t>(utf8_length(piece), 1));
        const int code = code_of(letter);
        const int byte = code < kLast ? bytes[static_cast<std::size_t>(code)] : -1;
        out += byte >= 0 ? std::string(1, static_cast<char>(byte)) : std::string(letter);
        piece.remove_prefix(letter.size());
    }
    return out;
}

}  // namespace inferstep::llm
