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

// Characters that are seen, one column each (UTF-8).
std::size_t seen_width(std::string_view text);

// At most `width` columns, with "…" at the end where something had to go.
std::string shortened(const std::string& text, std::size_t width);

// "1 node", "2 nodes"
template <typename Int>
std::string counted(Int number, std::string_view thing) {
    return fmt::format("{} {}{}", number, thing, number == 1 ? "" : "s");
}

}  // namespace inferstep
