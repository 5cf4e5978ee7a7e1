// Rows of comma-separated text: fields in quotes may have commas, ends of lines and doubled quotes in them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace inferstep {

struct CsvRecord {
    std::size_t bytes = 0;   // that it takes, its end of line too
    std::int64_t lines = 0;  // ends of lines in these
    bool whole = false;      // it has its end of line
    bool open = false;       // nothing closes a quote
};

// The record at the front of `text`. Its fields take the place, and the memory, of those that were there. A quote
// begins where there is nothing but blanks before it; carriage returns outside of quotes are none of the fields'. Of
// very many fields (1024) the last one keeps the rest.
CsvRecord read_csv_record(std::string_view text, std::vector<std::string>& fields);

}  // namespace inferstep
