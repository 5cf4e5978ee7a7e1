// The 256 bytes as visible characters, the way byte-level vocabularies write them: what Latin-1 shows stands for
// itself, the others are the characters from U+0100 on.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace inferstep::llm {

// UTF-8 of each byte's character.
const std::array<std::string, 256>& byte_letters();

// The bytes that a piece stands for; characters that stand for none are copied.
std::string bytes_of_letters(std::string_view piece);

}  // namespace inferstep::llm
