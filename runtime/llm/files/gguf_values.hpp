// The metadata of a GGUF file: keys with typed values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "llm/files/tensor_source.hpp"

namespace inferstep::llm {

// Reads forward through the bytes; what goes beyond the end is an error once, and zeros from then on.
class GgufCursor {
   public:
    GgufCursor(FileBytes bytes, std::string path) : bytes_(bytes), path_(std::move(path)) {}

    template <typename T>
    T number() {
        if (!take(sizeof(T))) {
            return T{};
        }
        return number_at<T>(bytes_, at_ - sizeof(T));
    }
    std::string_view text();  // a length of 64 bits and bytes
    // Elements of at least `smallest` bytes each; an error if so many do not fit into the rest of the file.
    std::uint64_t count(std::uint64_t smallest);

    std::size_t at() const { return at_; }
    const std::string& path() const { return path_; }
    void note(Error error);
    const Status& status() const { return status_; }

   private:
    bool take(std::uint64_t bytes);
    FileBytes bytes_;
    std::string path_;
    std::size_t at_ = 0;
    Status status_ = Status::ok();
};

using GgufValue = std::variant<std::int64_t, double, bool, std::string, std::vector<std::string>, std::vector<double>>;

class GgufValues {
   public:
    static Result<GgufValues> read(GgufCursor& cursor, std::uint64_t count);

    bool has(const std::string& key) const { return values_.contains(key); }
    // Error: absent (where there is no fallback), or of another type; it names the file and the key.
    Result<int> integer(const std::string& key, std::optional<int> fallback = std::nullopt) const;
    Result<double> real(const std::string& key, std::optional<double> fallback = std::nullopt) const;
    Result<bool> truth(const std::string& key, bool fallback) const;
    Result<std::string> text(const std::string& key, const std::optional<std::string>& fallback = std::nullopt) const;
    Result<std::vector<std::string>> texts(const std::string& key) const;  // absent: none
    Result<std::vector<double>> numbers(const std::string& key) const;     // absent: none

   private:
    template <typename T>
    Result<T> get(const std::string& key, const char* kind, const std::optional<T>& fallback) const;
    std::string path_;
    std::map<std::string, GgufValue> values_;
};

}  // namespace inferstep::llm
