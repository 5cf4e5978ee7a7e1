// An INI file as Python's ConfigParser writes it: sections, `key = value` or `key: value`, values that go on in
// indented lines, comments with # or ;.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"

namespace inferstep::report {

class IniFile {
   public:
    // Error: cannot be read; a line that is none of these, a key before any section or twice in one: file and line.
    static Result<IniFile> read(const std::string& path);
    static Result<IniFile> parse(std::string_view text, const std::string& name);

    std::string value(std::string_view section, std::string_view key) const;  // empty: absent
    std::int64_t line(std::string_view section, std::string_view key) const;  // 0: absent
    std::vector<std::pair<std::string, std::string>> members(std::string_view section) const;

   private:
    struct Entry {
        std::string section, key, value;
        std::int64_t line = 0;
    };
    const Entry* find(std::string_view section, std::string_view key) const;
    std::vector<Entry> entries_;
};

}  // namespace inferstep::report
