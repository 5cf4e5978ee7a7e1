#include "report/csv.hpp"

#include <algorithm>
#include <charconv>

#include "core/csv_record.hpp"
#include "core/file.hpp"
#include "core/log.hpp"

namespace inferstep::report {
namespace {

constexpr std::size_t kShown = 40;

// Takes records off a text, one after the other.
class CsvLines {
   public:
    explicit CsvLines(std::string_view text) : text_(text) {}

    bool at_end() const { return text_.empty(); }
    std::int64_t line() const { return line_; }  // of the record's begin
    bool open() const { return record_.open; }
    bool whole() const { return record_.whole; }

    void next(std::vector<std::string>& fields) {
        line_ += record_.lines;
        record_ = read_csv_record(text_, fields);
        text_.remove_prefix(record_.bytes);
    }

   private:
    std::string_view text_;
    CsvRecord record_;
    std::int64_t line_ = 1;
};

// Where each column that is wanted stands.
Result<std::vector<std::size_t>> places_of(const std::vector<std::string_view>& columns,
                                           const std::vector<std::string>& header, const std::string& name) {
    std::vector<std::size_t> places;
    for (const std::string_view column : columns) {
        const auto at = std::find(header.begin(), header.end(), column);
        if (at == header.end()) {
            return fail("{}, line 1: there is no column '{}'; right are {}", name, column, fmt::join(columns, ", "));
        }
        if (std::find(at + 1, header.end(), column) != header.end()) {
            return fail("{}, line 1: the column '{}' is there twice", name, column);
        }
        places.push_back(static_cast<std::size_t>(at - header.begin()));
    }
    return places;
}

}  // namespace

Status scan_csv_text(std::string_view text, const std::string& name, const CsvUse& use) {
    constexpr std::string_view kMark = "\xef\xbb\xbf";  // of UTF-8, by Excel
    CsvLines lines(text.starts_with(kMark) ? text.substr(kMark.size()) : text);
    std::vector<std::string> record;
    lines.next(record);
    const std::vector<std::string> header = record;
    auto places = places_of(use.columns, header, name);
    if (!places) {
        return places.error();
    }
    for (const std::string_view column : use.more) {
        places->push_back(static_cast<std::size_t>(std::find(header.begin(), header.end(), column) - header.begin()));
    }
    std::vector<std::string> fields(places->size());
    while (!lines.at_end()) {
        lines.next(record);
        if (lines.open()) {
            return fail("{}, line {}: nothing closes the quote of this row", name, lines.line());
        }
        if (record.size() == 1 && record[0].empty()) {
            continue;
        }
        if (record.size() != header.size()) {
            use.bad(lines.line(), fmt::format("the row has {} fields, the header {}", record.size(), header.size()));
        } else if (!lines.whole()) {
            use.bad(lines.line(), "the row has no end of line: it may be cut off");
        } else {
            for (std::size_t i = 0; i < fields.size(); ++i) {
                fields[i] = (*places)[i] < record.size() ? record[(*places)[i]] : "";
            }
            use.row(fields, lines.line());
        }
    }
    return Status::ok();
}

Status scan_csv(const std::string& path, const CsvUse& use) {
    const Result<std::string> text = read_file(path);
    return text ? scan_csv_text(*text, path, use) : Status(text.error());
}

Result<double> field_number(std::string_view text, double low, double high) {
    double value = 0;
    const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
    const auto [end, code] = std::from_chars(text.data() + begin, text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size()) {
        return fail("'{}' is no number", printable(text.substr(0, kShown)));
    }
    if (!(value >= low && value <= high)) {
        return fail("{} is not between {} and {}", printable(text.substr(0, kShown)), low, high);
    }
    return value;
}

}  // namespace inferstep::report
