#include "sweep/placeholders.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/words.hpp"

namespace inferstep::sweep {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The identifier at the front of `text`, if `close` follows it.
std::string_view identifier_before(std::string_view text, std::string_view close) {
    std::size_t length = 0;
    while (length < text.size() && (is_letter(text[length]) || (length > 0 && is_digit(text[length])))) {
        ++length;
    }
    return length > 0 && text.substr(length).starts_with(close) ? text.substr(0, length) : std::string_view();
}

// Calls literal(text) and name(text) for the parts of `text` in turn.
void walk(std::string_view text, const std::function<void(std::string_view)>& literal,
          const std::function<void(std::string_view)>& name) {
    while (!text.empty()) {
        const std::size_t open = text.find('{');
        if (open == std::string_view::npos) {
            return literal(text);
        }
        const bool shell = open > 0 && text[open - 1] == '$';
        literal(text.substr(0, open));
        text.remove_prefix(open);
        const std::string_view escaped = text.starts_with("{{") ? identifier_before(text.substr(2), "}}") : "";
        const std::string_view asked = shell ? "" : identifier_before(text.substr(1), "}");
        if (!escaped.empty()) {
            literal(text.substr(1, escaped.size() + 2));
            text.remove_prefix(escaped.size() + 4);
        } else if (!asked.empty()) {
            name(asked);
            text.remove_prefix(asked.size() + 2);
        } else {
            literal(text.substr(0, 1));
            text.remove_prefix(1);
        }
    }
}

}  // namespace

bool is_identifier(std::string_view text) { return !text.empty() && identifier_before(text, "").size() == text.size(); }

std::vector<std::string> placeholders(std::string_view text) {
    std::vector<std::string> names;
    walk(
        text, [](std::string_view) {}, [&](std::string_view name) { names.emplace_back(name); });
    return names;
}

std::string fill(std::string_view text, const std::function<const std::string*(std::string_view)>& value_of) {
    std::string filled;
    walk(
        text, [&](std::string_view literal) { filled += literal; },
        [&](std::string_view name) {
            const std::string* value = value_of(name);
            filled += value != nullptr ? *value : fmt::format("{{{}}}", name);
        });
    return filled;
}

std::string placeholder_hint(const std::string& name, const std::vector<std::string_view>& known) {
    const std::string_view near = nearest(name, known);
    return fmt::format("{}write {{{{{}}}}} where braces are meant",
                       near.empty() ? "" : fmt::format("did you mean {{{}}}? ", near), name);
}

}  // namespace inferstep::sweep
