#include "llm/text/json_lines.hpp"

#include <sys/stat.h>

#include "core/file.hpp"
#include "core/text.hpp"

namespace inferstep::llm {
namespace {

constexpr std::size_t kLongestLine = 16U << 20U;

// A device may have no end.
Status check_kind(const std::string& path) {
    struct stat st {};
    const bool known = stat(path.c_str(), &st) == 0;
    return known && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) ? Status(fail("{} is a device, and no file", path))
                                                                 : Status::ok();
}

Result<Json> read_line(std::string_view line, const std::string& label) {
    if (line.size() > kLongestLine) {
        return fail("{} is longer than {} MiB", label, kLongestLine >> 20U);
    }
    if (const std::size_t bad = find_no_utf8(line); bad != std::string_view::npos) {
        return fail("{} is no UTF-8: byte {} is 0x{:02x}", label, bad + 1, static_cast<unsigned char>(line[bad]));
    }
    Result<Json> json = line.front() == '{' ? Json::parse(line, label) : Result<Json>(Error{});
    return json ? std::move(json)
                : Result<Json>(fail("{} is not one JSON object, such as {{\"prompt\": \"…\"}}", label));
}

// \u0000, and not a backslash before u0000.
bool has_nul(std::string_view line) {
    constexpr std::string_view kNul = "\\u0000";
    for (std::size_t at = line.find(kNul); at != std::string_view::npos; at = line.find(kNul, at + 1)) {
        const std::size_t before = line.find_last_not_of('\\', at);
        if ((at - before) % 2 == 1) {
            return true;
        }
    }
    return false;
}

}  // namespace

Result<std::vector<JsonLine>> read_json_lines(const std::string& path, bool may_be_cut) {
    if (Status s = check_kind(path); !s) {
        return s.error();
    }
    const Result<std::string> text = read_file(path);
    if (!text) {
        return text.error();
    }
    std::vector<JsonLine> lines;
    std::string_view rest = *text;
    if (constexpr std::string_view kMark = "\xef\xbb\xbf"; rest.starts_with(kMark)) {  // some editors begin with it
        rest.remove_prefix(kMark.size());
    }
    for (int number = 1; !rest.empty(); ++number) {
        const std::size_t end = rest.find('\n');
        const std::string_view line = trimmed(rest.substr(0, end));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (line.empty()) {
            continue;
        }
        std::string label = fmt::format("{}, line {}", path, number);
        Result<Json> json = read_line(line, label);
        if (json) {
            lines.push_back({number, std::move(label), std::move(*json), has_nul(line)});
        } else if (!may_be_cut || end != std::string_view::npos) {
            return json.error();
        }
    }
    return lines;
}

std::string json_quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : as_utf8(text)) {
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
                } else {
                    out += c;
                }
        }
    }
    return out + "\"";
}

}  // namespace inferstep::llm
