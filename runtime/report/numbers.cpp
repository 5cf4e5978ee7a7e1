#include "report/numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace inferstep::report {

std::string significant(double value, int digits) {
    if (!std::isfinite(value)) {
        return "-";
    }
    if (value == 0) {
        return "0";
    }
    std::string text = fmt::format("{:.{}e}", value, digits - 1);
    const std::size_t e = text.find('e');
    int exponent = 0;
    const char* from = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
    std::from_chars(from, text.data() + text.size(), exponent);
    if (exponent < -5 || exponent > 8) {
        return text;
    }
    return fmt::format("{:.{}f}", value, std::max(0, digits - 1 - exponent));
}

std::string plain(double value) { return std::isfinite(value) ? fmt::format("{}", value) : "-"; }

std::string duration(double seconds) {
    const Unit unit = time_unit(std::fabs(seconds));
    return significant(seconds / unit.size, kDigits) + (std::isfinite(seconds) ? std::string(" ") + unit.name : "");
}

Unit time_unit(double typical_seconds) {
    if (typical_seconds >= 1 || !(typical_seconds > 0)) {
        return {1, "s"};
    }
    return typical_seconds >= 1e-3 ? Unit{1e-3, "ms"} : Unit{1e-6, "µs"};
}

Unit memory_unit(double typical_bytes) {
    if (typical_bytes >= 1 << 30) {
        return {1 << 30, "GiB"};
    }
    return typical_bytes >= 1 << 20 ? Unit{1 << 20, "MiB"} : Unit{1 << 10, "KiB"};
}

}  // namespace inferstep::report
