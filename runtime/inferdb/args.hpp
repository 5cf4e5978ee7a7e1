// The arguments of a command, read from left to right. Words of the protocol are accepted in any case.
#pragma once

#include <strings.h>

#include <charconv>
#include <optional>
#include <string_view>

#include "inferdb/api.hpp"

namespace inferstep {

inline std::string_view text_of(const redis::String* s) {
    std::size_t length = 0;
    const char* p = redis::StringPtrLen(s, &length);
    return {p, length};
}

inline bool same_word(std::string_view a, std::string_view b) {
    return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// The whole of `text` as a number, or nothing: no blanks, no sign where there can be none, no overflow.
template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

class Args {
   public:
    // `first`: index of the first argument to read; argv[0] is the command itself.
    Args(redis::String** argv, int argc, int first) : argv_(argv), argc_(argc), at_(first) {}

    bool more() const { return at_ < argc_; }
    int left() const { return argc_ - at_; }
    int position() const { return at_; }
    std::string_view peek() const { return text_of(argv_[at_]); }
    redis::String* string() { return argv_[at_++]; }
    std::string_view text() { return text_of(argv_[at_++]); }
    bool take(std::string_view word) {
        if (!more() || !same_word(peek(), word)) {
            return false;
        }
        ++at_;
        return true;
    }
    // The next argument as a number in [low, high]; nothing (and no step) when it is anything else.
    std::optional<std::int64_t> number(std::int64_t low, std::int64_t high) {
        const auto value = more() ? parse_number<std::int64_t>(peek()) : std::nullopt;
        if (!value || *value < low || *value > high) {
            return std::nullopt;
        }
        ++at_;
        return value;
    }

   private:
    redis::String** argv_;
    int argc_;
    int at_;
};

}  // namespace inferstep
