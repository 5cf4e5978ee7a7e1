// The rows `rank,function,seconds` of one rank's file, with or without a header, in the number formats of C++ and of
// Fortran. Read in blocks: a file may be larger than the memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace inferstep::report {

// No clock of ours measures longer or shorter times: what lies outside was never set.
constexpr double kLongestTime = 1e9;
constexpr double kShortestTime = 1e-12;

struct RowUse {
    // Takes each good row, in their order. The name lives as long as the call.
    std::function<void(std::string_view function, double seconds, std::int64_t line)> row;
    // Rows of this function are passed over, whatever stands in them; empty: of none.
    std::string_view skip;
    // Takes each other row: why it is left out, a sentence.
    std::function<void(std::int64_t line, std::string why)> bad;
};

// Error: the file cannot be read. A last row without its newline may be cut off and is bad.
Status scan_rows(const std::string& path, int rank, const RowUse& use);

}  // namespace inferstep::report
