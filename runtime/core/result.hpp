// Result<T>: a value, or an Error that a person can act on.
//
// An Error is one sentence that names the thing and what would be right, and optionally a hint line. Functions return
// Result; nothing in this project throws across a function boundary of its own. Not thread-safe, owns what it holds.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <variant>

namespace inferstep {

struct Error {
    std::string message;  // one sentence, no trailing full stop, no newline
    std::string hint;     // what to try, or empty
};

// fail("cannot open {}: {}", path, cause) reads as one sentence at the point of failure.
template <typename... Args>
[[nodiscard]] Error fail(fmt::format_string<Args...> format, Args&&... args) {
    return Error{fmt::format(format, std::forward<Args>(args)...), {}};
}

[[nodiscard]] inline Error with_hint(Error error, std::string hint) {
    error.hint = std::move(hint);
    return error;
}

template <typename T>
class [[nodiscard]] Result {
   public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

    explicit operator bool() const { return state_.index() == 0; }
    T& operator*() { return std::get<0>(state_); }
    const T& operator*() const { return std::get<0>(state_); }
    T* operator->() { return &std::get<0>(state_); }
    const T* operator->() const { return &std::get<0>(state_); }
    const Error& error() const { return std::get<1>(state_); }

   private:
    std::variant<T, Error> state_;
};

// A Result without a value: `return Status::ok();` or `return fail(…);`.
class [[nodiscard]] Status {
   public:
    static Status ok() { return Status{}; }
    Status(Error error) : error_(std::move(error)), failed_(true) {}  // NOLINT(google-explicit-constructor)

    explicit operator bool() const { return !failed_; }
    const Error& error() const { return error_; }

   private:
    Status() = default;
    Error error_;
    bool failed_ = false;
};

}  // namespace inferstep
