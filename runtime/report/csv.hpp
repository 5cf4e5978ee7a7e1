// A table with a header, as pandas writes it: columns in any order, fields in quotes where they have commas in them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace inferstep::report {

struct CsvUse {
    std::vector<std::string_view> columns;  // that must be there
    std::vector<std::string_view> more;     // that may be there; their fields are empty where they are not
    // Takes each whole row: its fields of these columns, in this order.
    std::function<void(const std::vector<std::string>& fields, std::int64_t line)> row;
    // Takes each other row: why it is left out, a sentence.
    std::function<void(std::int64_t line, std::string why)> bad;
};

// Error: cannot be read, no header, a column that is not there or twice, a quote that nothing closes; file and line.
Status scan_csv(const std::string& path, const CsvUse& use);
Status scan_csv_text(std::string_view text, const std::string& name, const CsvUse& use);

// A whole field as a number between the limits.
Result<double> field_number(std::string_view text, double low, double high);

}  // namespace inferstep::report
