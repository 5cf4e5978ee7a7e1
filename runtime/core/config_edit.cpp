// Configurations that are put together, and written as YAML.
#include <fmt/format.h>
#include <strings.h>

#include <algorithm>

#include "core/config.hpp"
#include "core/words.hpp"

namespace inferstep {
namespace {

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// Words that mean the same to every reader of YAML without quotation marks.
bool is_plain(const std::string& text) {
    constexpr std::string_view kAlso = "_./+=%@^-";
    if (text.empty() || strcasecmp(text.c_str(), "none") == 0 || strcasecmp(text.c_str(), "null") == 0) {
        return false;
    }
    const char first = text[0] == '-' && text.size() > 1 ? text[1] : text[0];
    return (is_letter_or_digit(first) || first == '_' || first == '/' || first == '.') &&
           std::all_of(text.begin(), text.end(),
                       [&](char c) { return is_letter_or_digit(c) || kAlso.find(c) != std::string_view::npos; });
}

std::string quote(const std::string& text) {
    std::string quoted = "\"";
    for (const char c : text) {
        switch (c) {
            case '\n':
                quoted += "\\n";
                break;
            case '\t':
                quoted += "\\t";
                break;
            case '"':
            case '\\':
                quoted += '\\';
                [[fallthrough]];
            default:
                quoted += c;
        }
    }
    return quoted + "\"";
}

// Lines that can stand below "key: |" as they are.
bool is_block(const std::string& text) {
    return text.find('\n') != std::string::npos && text[0] != ' ' && text[0] != '\n' && text[0] != '\t' &&
           !text.ends_with("\n\n") && text.find('\r') == std::string::npos;
}

std::string block(const std::string& text, const std::string& indent) {
    std::string lines = text.back() == '\n' ? "|\n" : "|-\n";
    std::vector<std::string> parts = split(text, '\n');
    if (parts.back().empty()) {
        parts.pop_back();
    }
    for (const std::string& line : parts) {
        lines += line.empty() ? "\n" : indent + line + "\n";
    }
    return lines;
}

bool is_leaf(const Config& value) { return value.kind() == Config::Kind::kScalar || value.is_null(); }

std::string word(const Config& value) {
    return value.is_null() ? "null" : is_plain(value.text()) ? value.text() : quote(value.text());
}

// What comes behind "key:" or "-", with its newline.
std::string rest(const Config& value, const std::string& indent);

std::string below(const Config& value, const std::string& indent) {
    std::string lines;
    for (const auto& [key, member] : value.members()) {
        lines += fmt::format("{}{}:{}", indent, is_plain(key) ? key : quote(key), rest(member, indent + "  "));
    }
    for (const Config& item : value.items()) {
        std::string text = rest(item, indent + "  ");
        if (item.kind() == Config::Kind::kMap && text[0] == '\n') {
            text = " " + text.substr(1 + indent.size() + 2);  // its first key stands behind the hyphen
        }
        lines += fmt::format("{}-{}", indent, text);
    }
    return lines;
}

std::string rest(const Config& value, const std::string& indent) {
    if (is_leaf(value)) {
        return " " + (!value.is_null() && is_block(value.text()) ? block(value.text(), indent) : word(value) + "\n");
    }
    if (value.kind() == Config::Kind::kMap) {
        return value.members().empty() ? " {}\n" : "\n" + below(value, indent);
    }
    if (std::all_of(value.items().begin(), value.items().end(), is_leaf)) {
        std::vector<std::string> words;
        std::transform(value.items().begin(), value.items().end(), std::back_inserter(words), word);
        return fmt::format(" [{}]\n", fmt::join(words, ", "));
    }
    return "\n" + below(value, indent);
}

}  // namespace

Config Config::of(std::string text) {
    Config value;
    value.kind_ = Kind::kScalar;
    value.text_ = std::move(text);
    return value;
}

Config Config::of(std::vector<Config> items) {
    Config value;
    value.kind_ = Kind::kList;
    value.items_ = std::move(items);
    return value;
}

Config Config::of(std::vector<std::pair<std::string, Config>> members) {
    Config value;
    value.kind_ = Kind::kMap;
    value.members_ = std::move(members);
    return value;
}

Config Config::with(const Config& over) const {
    if (kind_ != Kind::kMap || over.kind_ != Kind::kMap) {
        return over;
    }
    Config merged = *this;
    for (const auto& [key, value] : over.members_) {
        const auto at = std::find_if(merged.members_.begin(), merged.members_.end(),
                                     [&name = key](const auto& member) { return member.first == name; });
        if (at == merged.members_.end()) {
            merged.members_.emplace_back(key, value);
        } else if (value.is_null()) {
            merged.members_.erase(at);
        } else {
            at->second = at->second.with(value);
        }
    }
    return merged;
}

std::string Config::yaml() const {
    const std::string text = rest(*this, "");
    return text.substr(1);
}

void Config::place(const std::string& label, const std::string& prefix) {
    file_ = label;
    line_ = 0;
    path_ = prefix + (path_.empty() || path_[0] == '[' ? "" : ".") + path_;
    for (Config& item : items_) {
        item.place(label, prefix);
    }
    for (auto& member : members_) {
        member.second.place(label, prefix);
    }
}

Result<Config> Config::parse_setting(const std::string& setting, const std::string& label) {
    const std::size_t equals = setting.find('=');
    const std::string path = setting.substr(0, equals);
    const std::vector<std::string> keys = split(path, '.');
    if (equals == std::string::npos || keys.empty() || std::find(keys.begin(), keys.end(), "") != keys.end()) {
        return fail("{}: key=value or key.key=value is right", label);
    }
    const std::string text = setting.substr(equals + 1);
    const bool written = !text.empty() && std::string_view("[{\"'").find(text[0]) != std::string_view::npos;
    Result<Config> parsed = text.empty() ? Config() : written ? parse(text, label) : Result<Config>(of(text));
    if (!parsed) {
        return parsed.error();
    }
    Config value = std::move(*parsed);
    value.place(label, path);
    for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
        Config map = of({{*key, std::move(value)}});
        map.file_ = label;
        value = std::move(map);
    }
    return value;
}

}  // namespace inferstep
