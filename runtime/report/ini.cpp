#include "report/ini.hpp"

#include <algorithm>

#include "core/file.hpp"
#include "core/log.hpp"
#include "core/text.hpp"

namespace inferstep::report {
namespace {

constexpr std::size_t kLargest = std::size_t{1} << 20;  // nobody's run.cfg
constexpr std::size_t kShown = 40;

}  // namespace

Result<IniFile> IniFile::read(const std::string& path) {
    const Result<std::string> text = read_tail(path, kLargest + 1);
    if (!text) {
        return text.error();
    }
    if (text->size() > kLargest) {
        return fail("{} is larger than {} MiB: that is no configuration", path, kLargest >> 20);
    }
    return parse(*text, path);
}

Result<IniFile> IniFile::parse(std::string_view text, const std::string& name) {
    IniFile ini;
    std::string section;
    bool continues = false;  // the entry before may go on in an indented line
    for (std::int64_t number = 1; !text.empty(); ++number) {
        const std::string_view whole = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(whole.size() + 1, text.size()));
        const std::string_view line = trimmed(whole);
        if (line.empty() || line.front() == '#' || line.front() == ';') {
            continue;
        }
        if (continues && (whole.front() == ' ' || whole.front() == '\t')) {
            ini.entries_.back().value += "\n" + printable(line);
            continue;
        }
        continues = false;
        if (line.front() == '[' && line.back() == ']') {
            section = printable(line.substr(1, line.size() - 2));
            continue;
        }
        const std::size_t sign = line.find_first_of("=:");
        const std::string key = printable(trimmed(line.substr(0, sign)));
        if (sign == std::string_view::npos || key.empty() || section.empty()) {
            return fail("{}, line {}: '{}' is neither [section] nor, below one, key = value", name, number,
                        printable(line.substr(0, kShown)));
        }
        if (ini.find(section, key) != nullptr) {
            return fail("{}, line {}: {} stands twice in [{}]", name, number, printable(key.substr(0, kShown)),
                        section);
        }
        ini.entries_.push_back({section, key, printable(trimmed(line.substr(sign + 1))), number});
        continues = true;
    }
    return ini;
}

const IniFile::Entry* IniFile::find(std::string_view section, std::string_view key) const {
    const auto at = std::find_if(entries_.begin(), entries_.end(),
                                 [&](const Entry& e) { return e.section == section && e.key == key; });
    return at == entries_.end() ? nullptr : &*at;
}

std::string IniFile::value(std::string_view section, std::string_view key) const {
    const Entry* entry = find(section, key);
    return entry != nullptr ? entry->value : std::string();
}

std::int64_t IniFile::line(std::string_view section, std::string_view key) const {
    const Entry* entry = find(section, key);
    return entry != nullptr ? entry->line : 0;
}

std::vector<std::pair<std::string, std::string>> IniFile::members(std::string_view section) const {
    std::vector<std::pair<std::string, std::string>> all;
    for (const Entry& entry : entries_) {
        if (entry.section == section) {
            all.emplace_back(entry.key, entry.value);
        }
    }
    return all;
}

}  // namespace inferstep::report
