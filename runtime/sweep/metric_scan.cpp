#include "sweep/metric_scan.hpp"

#include <charconv>
#include <optional>
#include <vector>

#include "core/csv_record.hpp"
#include "core/file.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "core/words.hpp"
#include "sweep/metric_files.hpp"
#include "sweep/metric_regex.hpp"
#include "sweep/metric_rule.hpp"

namespace inferstep::sweep {
namespace {

constexpr std::size_t kLargestJson = std::size_t{256} << 20;

// How the rows of a table are read for a rule.
struct Shape {
    std::size_t columns = 0;
    std::size_t value = 0;  // the column of the number
    bool is_long = false;   // rank,function,time: only rows with this function count
};

// Its first line tells: a header with the column, a header of the long form, or a row of the long form.
std::optional<Shape> shape_of(const std::vector<std::string>& first, const std::string& column, bool& is_header) {
    is_header = true;
    for (std::size_t i = 0; i < first.size(); ++i) {
        if (trimmed(first[i]) == column) {
            if (first.size() == 3 && i == 1 && parse_real(first[2])) {
                break;  // a row of this function
            }
            return Shape{first.size(), i, false};
        }
    }
    if (first.size() != 3) {
        return std::nullopt;
    }
    is_header = trimmed(first[0]) == "rank" && trimmed(first[1]) == "function";
    return is_header || (parse_real(first[0]) && parse_real(first[2])) ? std::optional(Shape{3, 2, true})
                                                                       : std::nullopt;
}

Status scan_csv(const MetricRule& rule, Lines& lines, const std::string& name, const Use& use) {
    std::vector<std::string> fields;
    std::optional<Shape> shape;
    while (const std::string_view* line = lines.next()) {
        if (!lines.is_whole()) {
            *use.cut = fmt::format("{} line {} has no end and is not counted", name, lines.number());
            return Status::ok();
        }
        if (trimmed(*line).empty()) {
            continue;
        }
        const bool closed = !read_csv_record(*line, fields).open;
        if (!shape) {
            bool is_header = false;
            shape = shape_of(fields, rule.select, is_header);
            if (!shape) {
                return fail("{} has no column '{}'", name, printable(rule.select));
            }
            if (is_header) {
                continue;
            }
        }
        if (!closed || fields.size() != shape->columns) {
            return fail("{} line {} has {} fields where {} are right", name, lines.number(), fields.size(),
                        shape->columns);
        }
        if (shape->is_long && trimmed(fields[1]) != rule.select) {
            continue;
        }
        const Result<double> value = parse_real(fields[shape->value]);
        if (!value) {
            return fail("{} line {}: {}", name, lines.number(), value.error().message);
        }
        use.number(*value, lines.number());
    }
    return Status::ok();
}

// One step into a value: the member of an object, the element of an array. Nothing: it has none of that name.
std::optional<Json> inside(const Json& value, const std::string& key) {
    if (value.has(key.c_str())) {
        return value.copy_of(key.c_str());
    }
    const std::vector<std::string> names = value.keys();
    const bool is_array = !names.empty() && names.front().empty();
    std::vector<Json> items = is_array ? value.items() : std::vector<Json>();
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
    if (error != std::errc() || end != key.data() + key.size() || index >= items.size()) {
        return std::nullopt;
    }
    return std::move(items[index]);
}

Status scan_json(const MetricRule& rule, const std::string& path, const std::string& name, const Use& use) {
    const Result<std::string> text = read_tail(path, kLargestJson);
    if (!text) {
        return text.error();
    }
    Result<Json> json = text->size() < kLargestJson ? Json::parse(*text, name)
                                                    : Result<Json>(fail("{} is too large for a JSON text", name));
    if (!json) {
        return json.error();
    }
    Json value = std::move(*json);
    for (const std::string& key : split(rule.select, '.')) {
        std::optional<Json> next = inside(value, key);
        if (!next) {
            return Status::ok();
        }
        value = std::move(*next);
    }
    const std::string shown = value.dump(false);
    const Result<double> number = parse_real(shown);
    if (!number) {
        return fail("{}: {}: {}", name, printable(rule.select), number.error().message);
    }
    use.number(value.as_number(), 0);
    return Status::ok();
}

}  // namespace

Status scan(const MetricRule& rule, const std::string& path, const std::string& name, const Use& use) {
    if (rule.from == MetricRule::From::kJson) {
        return scan_json(rule, path, name, use);
    }
    Result<Lines> lines = Lines::open(path);
    if (!lines) {
        return lines.error();
    }
    Status s =
        rule.from == MetricRule::From::kRegex ? scan_regex(rule, *lines, name, use) : scan_csv(rule, *lines, name, use);
    return s && lines->failed() ? fail("cannot read {} to its end", name) : s;
}

}  // namespace inferstep::sweep
