#include "core/text.hpp"

#include <algorithm>

namespace inferstep {
namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

}  // namespace

std::size_t seen_width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string shortened(const std::string& text, std::size_t width) {
    if (seen_width(text) <= width) {
        return text;
    }
    std::size_t end = 0;
    for (std::size_t seen = 0; end < text.size(); ++end) {
        seen += begins_character(text[end]) ? 1U : 0U;
        if (seen == width) {
            break;
        }
    }
    return text.substr(0, end) + "…";
}

}  // namespace inferstep
