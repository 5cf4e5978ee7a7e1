#include "report/read_parts.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "core/file.hpp"
#include "core/log.hpp"
#include "core/version.hpp"

namespace inferstep::report {
namespace {

constexpr std::int64_t kMostNotes = 8;  // of one kind

// Where the first digits of both begin alike, the number decides: rank_2.csv comes before rank_10.csv.
bool in_order(const std::string& a, const std::string& b) {
    const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    const auto digits = [](std::string::const_iterator from, std::string::const_iterator end) {
        return std::find_if(from, end, [](char c) { return c < '0' || c > '9'; }) - from;
    };
    const auto left = digits(x, a.end());
    const auto right = digits(y, b.end());
    return left != right && left > 0 && right > 0 ? left < right : a < b;
}

}  // namespace

void Notes::add(std::string_view kind, Source source, std::string text) {
    auto at = std::find_if(kinds_.begin(), kinds_.end(), [kind](const auto& k) { return k.first == kind; });
    if (at == kinds_.end()) {
        at = kinds_.insert(kinds_.end(), {std::string(kind), {}});
    }
    if (++at->second.count <= kMostNotes) {
        at->second.notes.push_back({std::move(source), std::move(text)});
    } else {
        at->second.last = std::move(source);
    }
}

std::vector<Note> Notes::all() const {
    std::vector<Note> all;
    for (const auto& [name, kind] : kinds_) {
        all.insert(all.end(), kind.notes.begin(), kind.notes.end());
        if (kind.count > kMostNotes) {
            all.push_back(
                {kind.last, fmt::format("and {} more: {}; here the last of them", kind.count - kMostNotes, name)});
        }
    }
    return all;
}

Result<std::vector<std::string>> names_in(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code code;
    for (std::filesystem::directory_iterator it(directory, code), end; !code && it != end; it.increment(code)) {
        names.push_back(it->path().filename().string());
    }
    if (code) {
        return fail("cannot read {}: {}", directory, code.message());
    }
    std::sort(names.begin(), names.end(), in_order);
    return names;
}

int rank_of(std::string_view name, std::string_view prefix, std::string_view suffix) {
    if (name.size() <= prefix.size() + suffix.size() || !name.starts_with(prefix) || !name.ends_with(suffix)) {
        return -1;
    }
    name = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
    int rank = -1;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), rank);
    return code == std::errc() && end == name.data() + name.size() && rank >= 0 ? rank : -1;
}

Result<Json> read_json(const std::string& path) {
    const Result<std::string> text = read_file(path);
    return text ? Json::parse(*text, path) : Result<Json>(text.error());
}

Status check_schema(const std::string& path, const Json& json, std::string_view schema) {
    const std::string found = json.text("schema");
    if (found == schema) {
        return Status::ok();
    }
    return with_hint(
        fail("{} is of schema {}; this inferstep, {}, knows {}", path,
             found.empty() ? "(none)" : "'" + printable(found) + "'", version_json().text("inferstep"), schema),
        "report on it with the inferstep that wrote it");
}

Result<std::optional<Json>> read_record(const std::string& path, std::string_view schema, Notes& notes) {
    if (!exists(path)) {
        return std::optional<Json>();
    }
    Result<Json> json = read_json(path);
    if (!json) {
        notes.add("files left out", {path, 0}, json.error().message);
        return std::optional<Json>();
    }
    if (Status s = check_schema(path, *json, schema); !s) {
        return s.error();
    }
    return std::optional<Json>(std::move(*json));
}

std::int64_t line_of(const std::string& path, std::string_view member) {
    const Result<std::string> text = read_file(path);
    const std::size_t at = text ? text->find(fmt::format("\"{}\"", member)) : std::string::npos;
    return at == std::string::npos
               ? 0
               : 1 + std::count(text->begin(), text->begin() + static_cast<std::ptrdiff_t>(at), '\n');
}

}  // namespace inferstep::report
