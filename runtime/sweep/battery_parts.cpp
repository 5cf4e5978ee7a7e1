#include "sweep/battery_parts.hpp"

#include <algorithm>

#include "sweep/command_words.hpp"
#include "sweep/duration.hpp"
#include "sweep/members.hpp"
#include "sweep/placeholders.hpp"

namespace inferstep::sweep {
namespace {

constexpr std::size_t kLongestName = 64;

bool is_file_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-' || c == '+';
}

// A list with something in it.
Status has_items(const Config& value, const char* what) {
    if (value.kind() != Config::Kind::kList) {
        return value.wrong(fmt::format("a list of {} is right", what));
    }
    if (value.items().empty()) {
        return value.wrong(fmt::format("the list is empty; one of {} at least is right, or no such key", what));
    }
    return Status::ok();
}

// Values stand in tables, file names of logs and commands: one line.
Result<std::string> read_value(const Config& value) {
    Result<std::string> text = value.as_text();
    if (text && text->find_first_of("\n\t") != std::string::npos) {
        return value.wrong("a value of one line is right");
    }
    return text;
}

Result<Parameters> read_parameters(const Config& value, const char* what) {
    if (value.kind() != Config::Kind::kMap || value.members().empty()) {
        return value.wrong(fmt::format("{} with one value each are right", what));
    }
    Parameters parameters;
    for (const auto& [name, member] : value.members()) {
        if (Status s = check_parameter_name(member, name); !s) {
            return s.error();
        }
        Result<std::string> text = read_value(member);
        if (!text) {
            return text.error();
        }
        parameters.emplace_back(name, std::move(*text));
    }
    return parameters;
}

Result<std::vector<std::string>> read_values(const Config& value) {
    if (Status s = value.kind() == Config::Kind::kScalar ? Status::ok() : has_items(value, "values"); !s) {
        return s.error();
    }
    std::vector<std::string> values;
    if (value.kind() == Config::Kind::kScalar) {
        Result<std::string> text = read_value(value);
        if (!text) {
            return text.error();
        }
        return std::vector<std::string>{std::move(*text)};
    }
    for (const Config& item : value.items()) {
        Result<std::string> text = read_value(item);
        if (!text) {
            return text.error();
        }
        if (std::find(values.begin(), values.end(), *text) != values.end()) {
            return item.wrong(fmt::format("the value {} stands there twice; once is right", *text));
        }
        values.push_back(std::move(*text));
    }
    return values;
}

}  // namespace

Status check_file_name(const Config& where, const std::string& name) {
    if (name.empty() || name.size() > kLongestName || name[0] == '.' || name[0] == '-' ||
        !std::all_of(name.begin(), name.end(), is_file_character)) {
        return where.wrong(
            fmt::format("'{}' is no name for a folder; up to {} letters, digits, '_', '.', '+' and '-' are "
                        "right, a letter, a digit or '_' first",
                        name, kLongestName));
    }
    return Status::ok();
}

Status check_parameter_name(const Config& where, const std::string& name) {
    if (!is_identifier(name) || name.size() > kLongestName) {
        return where.wrong(
            fmt::format("'{}' is no name for a parameter; up to {} letters, digits and '_' are right, "
                        "no digit first",
                        name, kLongestName));
    }
    if (std::find(std::begin(kBuiltIn), std::end(kBuiltIn), name) != std::end(kBuiltIn)) {
        return where.wrong(fmt::format("every point has a {{{}}} of ours; another name is right", name));
    }
    return Status::ok();
}

Result<std::vector<std::string>> read_command(const Config& value) {
    if (value.kind() == Config::Kind::kScalar) {
        Result<std::vector<std::string>> words = command_words(value.text());
        return words ? std::move(words) : with_hint(value.wrong(words.error().message), words.error().hint);
    }
    if (Status s = has_items(value, "words"); !s) {
        return s.error();
    }
    Result<std::vector<std::string>> words = value.as_texts();
    if (words && (*words)[0].empty()) {
        return value.wrong("a program and its arguments are right");
    }
    return words;
}

Result<std::vector<std::vector<std::string>>> read_prepare(const Config& value) {
    std::vector<std::vector<std::string>> commands;
    if (value.kind() == Config::Kind::kScalar) {
        Result<std::vector<std::string>> words = read_command(value);
        if (!words) {
            return words.error();
        }
        return std::vector<std::vector<std::string>>{std::move(*words)};
    }
    if (Status s = has_items(value, "commands"); !s) {
        return s.error();
    }
    for (const Config& item : value.items()) {
        Result<std::vector<std::string>> words = read_command(item);
        if (!words) {
            return words.error();
        }
        commands.push_back(std::move(*words));
    }
    return commands;
}

Result<Parameters> read_environment(const Config& value) {
    if (value.kind() != Config::Kind::kMap) {
        return value.wrong("variables with a value each are right");
    }
    Parameters environment;
    for (const auto& [name, member] : value.members()) {
        if (!is_identifier(name)) {
            return member.wrong(fmt::format("'{}' is no name for a variable; letters, digits and '_' are right", name));
        }
        Result<std::string> text = member.as_text();
        if (!text) {
            return text.error();
        }
        environment.emplace_back(name, std::move(*text));
    }
    return environment;
}

Result<std::vector<std::pair<std::string, std::vector<std::string>>>> read_matrix(const Config& value) {
    if (value.kind() != Config::Kind::kMap || value.members().empty()) {
        return value.wrong("parameters with a list of values each are right");
    }
    std::vector<std::pair<std::string, std::vector<std::string>>> matrix;
    for (const auto& [name, member] : value.members()) {
        if (Status s = check_parameter_name(member, name); !s) {
            return s.error();
        }
        Result<std::vector<std::string>> values = read_values(member);
        if (!values) {
            return values.error();
        }
        matrix.emplace_back(name, std::move(*values));
    }
    return matrix;
}

Result<std::vector<Parameters>> read_entries(const Config& value) {
    if (Status s = has_items(value, "entries"); !s) {
        return s.error();
    }
    std::vector<Parameters> entries;
    for (const Config& item : value.items()) {
        Result<Parameters> entry = read_parameters(item, "parameters");
        if (!entry) {
            return entry.error();
        }
        entries.push_back(std::move(*entry));
    }
    return entries;
}

Result<std::string> read_count(const Config& value, long low, long high) {
    if (value.kind() == Config::Kind::kScalar && !placeholders(value.text()).empty()) {
        return value.text();
    }
    const Result<long> number = value.as_number(low, high);
    return number ? Result<std::string>(fmt::format("{}", *number)) : number.error();
}

Result<std::string> read_time(const Config& value) {
    Result<std::string> text = value.as_text();
    if (!text || !placeholders(*text).empty()) {
        return text;
    }
    const Result<double> seconds = parse_duration(*text);
    return seconds ? std::move(text) : value.wrong(seconds.error().message);
}

}  // namespace inferstep::sweep
