#include "sweep/ready_literal.hpp"

#include <algorithm>

#include "core/config.hpp"

namespace inferstep::sweep {
namespace {

// Python's tuples as lists, outside of texts.
std::string without_tuples(std::string text) {
    char quote = 0;
    for (char& c : text) {
        if (quote != 0) {
            quote = c == quote ? '\0' : quote;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '(' || c == ')') {
            c = c == '(' ? '[' : ']';
        }
    }
    return text;
}

// `text` is what messages show of what was given.
Result<Config> read_literal(const std::string& flag, const std::string& text, const std::string& literal) {
    return Config::parse(without_tuples(literal), fmt::format("{}={}", flag, text));
}

// An option of sbatch: letters, digits and dashes. Those that we need ourselves are not to be had.
Result<std::string> option_name(const std::string& flag, std::string key) {
    key.erase(0, key.find_first_not_of('-'));
    std::replace(key.begin(), key.end(), '_', '-');
    if (key.empty() ||
        !std::all_of(key.begin(), key.end(), [](unsigned char c) { return isalnum(c) != 0 || c == '-'; })) {
        return fail("{}: '{}' is no option of sbatch; {{\"constraint\": \"V100\", \"exclusive\": None}} is right", flag,
                    key);
    }
    for (const char* ours : {"wrap", "array", "a", "parsable", "test-only"}) {
        if (key == ours) {
            return fail("{}: '{}' cannot be given; the database is one job with one step", flag, key);
        }
    }
    return key;
}

}  // namespace

Result<std::vector<std::string>> literal_list(const std::string& flag, const std::string& text) {
    const std::size_t first = text.find_first_not_of(' ');
    const bool bracket = first != std::string::npos && (text[first] == '[' || text[first] == '(');
    const Result<Config> value = read_literal(flag, text, bracket ? text : "[" + text + "]");
    if (!value) {
        return value.error();
    }
    if (value->items().size() == 1 && value->items()[0].is_null()) {
        return std::vector<std::string>();
    }
    return value->as_texts();
}

Result<std::vector<std::string>> literal_text(const std::string& flag, const std::string& text) {
    // Only where it looks like one: 05:00:00 and C:\x mean themselves.
    const char first = text.empty() ? '\0' : text[0];
    if (std::string_view("[('\"").find(first) == std::string_view::npos || first == '\0') {
        return std::vector<std::string>{text};
    }
    const Result<Config> value = read_literal(flag, text, text);
    if (!value) {
        return value.error();
    }
    Result<std::vector<std::string>> texts = value->as_texts();
    return !texts || texts->size() == 1 ? std::move(texts) : fail("{}={}: one value is right", flag, text);
}

Result<std::vector<std::string>> sbatch_words(const std::string& flag, const std::string& text) {
    const Result<Config> value = read_literal(flag, text, text);
    if (!value) {
        return value.error();
    }
    if (value->kind() != Config::Kind::kMap && !value->is_null()) {
        return value->wrong("options of sbatch are right, such as {\"constraint\": \"V100\", \"exclusive\": None}");
    }
    std::vector<std::string> words;
    for (const auto& [key, one] : value->members()) {
        const Result<std::string> name = option_name(flag, key);
        if (!name) {
            return name.error();
        }
        const bool scalar = one.kind() == Config::Kind::kScalar && !one.quoted();
        if (scalar && (one.text() == "False" || one.text() == "false")) {
            continue;
        }
        const bool bare = one.is_null() || (scalar && (one.text() == "True" || one.text() == "true"));
        const Result<std::string> given = bare ? Result<std::string>("") : one.as_text();
        if (!given) {
            return given.error();
        }
        if (name->size() == 1) {
            words.push_back("-" + *name);
            bare ? void() : words.push_back(*given);
        } else {
            words.push_back(bare ? "--" + *name : fmt::format("--{}={}", *name, *given));
        }
    }
    return words;
}

}  // namespace inferstep::sweep
