#include "core/words.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace inferstep {
namespace {

// Letters to change, add, leave out or swap with the next one, row by row.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
    std::iota(above.begin(), above.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, changed});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        before.swap(above);
        above.swap(row);
    }
    return above[b.size()];
}

}  // namespace

Result<long> parse_number(std::string_view what, std::string_view text, long low, long high) {
    long value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code == std::errc::invalid_argument || end != text.data() + text.size()) {
        return fail("{}: '{}' is not a whole number; give {} to {}", what, text, low, high);
    }
    if (code != std::errc{} || value < low || value > high) {
        return fail("{}: {} is out of range; give {} to {}", what, text, low, high);
    }
    return value;
}

Result<std::size_t> parse_choice(std::string_view what, std::string_view text,
                                 const std::vector<std::string_view>& choices) {
    const auto found = std::find(choices.begin(), choices.end(), text);
    if (found != choices.end()) {
        return static_cast<std::size_t>(found - choices.begin());
    }
    const std::string_view meant = nearest(text, choices);
    return with_hint(fail("{}: '{}' is not one of {}", what, text, fmt::join(choices, ", ")),
                     meant.empty() ? "" : fmt::format("did you mean {}?", meant));
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            break;
        }
        text.remove_prefix(end + 1);
        if (text.empty()) {
            parts.emplace_back();  // the text ended with the separator
        }
    }
    return parts;
}

Error in_own_words(Error error) {
    constexpr std::string_view kSrun = "--infer-";
    for (std::string* text : {&error.message, &error.hint}) {
        for (std::size_t at = 0; (at = text->find(kSrun, at)) != std::string::npos; at += 2) {
            text->replace(at, kSrun.size(), "--");
        }
    }
    return error;
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
    std::string_view best;
    std::size_t fewest = 1 + std::max<std::size_t>(1, word.size() / 3);
    for (const std::string_view candidate : candidates) {
        const std::size_t changes = distance(word, candidate);
        if (changes < fewest) {
            fewest = changes;
            best = candidate;
        }
    }
    return best;
}

}  // namespace inferstep
