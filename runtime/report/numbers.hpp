// How numbers are written: always rounded to a number of significant digits, so that an independent calculation can
// confirm each digit that is printed.
#pragma once

#include <string>

namespace inferstep::report {

// "12.34", "0.001234", "123456", "1.234e-07"; "-" where it is unknown.
std::string significant(double value, int digits);

// As many digits as it takes: "4", "0.5"; "-" where it is unknown.
std::string plain(double value);

constexpr int kDigits = 4;          // in tables and sentences
constexpr int kIntervalDigits = 2;  // half widths of intervals
constexpr int kFileDigits = 12;     // CSV and JSON

// Seconds in the unit that suits them, with the unit: "12.34 ms".
std::string duration(double seconds);

// A unit of time, or of memory, that suits a typical value: what a number is divided by, and its name.
struct Unit {
    double size;
    const char* name;
};
Unit time_unit(double typical_seconds);
Unit memory_unit(double typical_bytes);

}  // namespace inferstep::report
