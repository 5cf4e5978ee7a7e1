// Config: a configuration file as a tree of values that know where they stand, so that every complaint names file, line
// and key. YAML, of which JSON is a part; a value in Python's words (None, True, 'text') is understood as well.
// Immutable once read; owns what it holds.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"

namespace inferstep {

class Config {
   public:
    enum class Kind { kNull, kScalar, kList, kMap };

    // Errors: not readable, malformed, a key twice, larger or deeper than anybody writes by hand (also through
    // aliases), control characters in a text, bytes that are no UTF-8.
    static Result<Config> read(const std::string& path);
    // The text of such a file, for who keeps it as well. Error: not readable, a device, larger than 4 MiB.
    static Result<std::string> read_text(const std::string& path);
    // `name` stands for the file in messages: "battery.yaml", "--batch_args".
    static Result<Config> parse(const std::string& text, const std::string& name);

    // One setting of a command line, "matrix.nodes=[1,2]", as the maps that it stands for: {matrix: {nodes: [1, 2]}}.
    // What begins with a bracket, a brace or a quotation mark is read as YAML, anything else is the text as it stands;
    // nothing is null. In messages its place is `label`.
    static Result<Config> parse_setting(const std::string& setting, const std::string& label);

    // Values that stand nowhere, to be written.
    static Config of(std::string text);
    static Config of(std::vector<Config> items);
    static Config of(std::vector<std::pair<std::string, Config>> members);

    // This with `over` on top: of two maps member by member, where null takes a member away; else `over` itself.
    Config with(const Config& over) const;

    // As YAML, ending with a newline; reading it gives the same values.
    std::string yaml() const;

    Kind kind() const { return kind_; }
    bool is_null() const { return kind_ == Kind::kNull; }

    // The text of a scalar as it was written, without its quotes.
    const std::string& text() const { return text_; }
    bool quoted() const { return quoted_; }
    const std::vector<Config>& items() const { return items_; }  // of a list; a scalar has none
    const std::vector<std::pair<std::string, Config>>& members() const { return members_; }  // of a map, as written
    const Config* find(std::string_view key) const;                                          // null: absent

    // What this value is to be, in one call; the error says where it stands and what would be right.
    Result<std::string> as_text() const;  // a scalar; the quotes of "07" matter no more
    Result<long> as_number(long low, long high) const;
    Result<double> as_real(double low, double high) const;
    Result<bool> as_flag() const;  // true, false, yes, no, on, off, in any case
    // A list of scalars; a single scalar is a list of one.
    Result<std::vector<std::string>> as_texts() const;

    // A map with no other keys than these. The error names the unknown one and its nearest neighbour.
    Status only(const std::vector<std::string_view>& keys) const;

    // "battery.yaml, line 7: matrix.nodes: <what>", or "--set matrix.nodes=[]: <what>".
    Error wrong(std::string_view what) const;
    int line() const { return line_; }                 // from 1; 0: not of a file
    const std::string& path() const { return path_; }  // "matrix.nodes", "include[2].strategy"

   private:
    friend struct ConfigBuilder;
    Config() = default;
    void place(const std::string& label, const std::string& prefix);

    Kind kind_ = Kind::kNull;
    bool quoted_ = false;
    int line_ = 0;
    std::string file_;
    std::string path_;
    std::string text_;
    std::vector<Config> items_;
    std::vector<std::pair<std::string, Config>> members_;
};

}  // namespace inferstep
