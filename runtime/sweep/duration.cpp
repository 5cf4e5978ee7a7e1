#include "sweep/duration.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "core/words.hpp"

namespace inferstep::sweep {
namespace {

constexpr double kYear = 366.0 * 86'400;

Error not_a_time() { return fail("a time such as 90 (seconds), 05:00, 01:30:00 or 2-12:00:00 is right"); }

// A part of a time: digits, and below `limit`.
bool part(const std::string& text, long limit, double& value) {
    const Result<long> number = parse_number("", text, 0, limit - 1);
    value = number ? static_cast<double>(*number) : 0;
    return number && text[0] != '-';
}

Result<double> clock_time(std::string text) {
    constexpr long kMost = 10'000'000;
    double days = 0;
    const std::size_t hyphen = text.find('-');
    if (hyphen != std::string::npos) {
        if (!part(text.substr(0, hyphen), 367, days)) {
            return not_a_time();
        }
        text.erase(0, hyphen + 1);
    }
    const std::vector<std::string> parts = split(text, ':');
    if (parts.size() > 3 || parts.size() < (hyphen == std::string::npos ? 2U : 3U)) {
        return not_a_time();
    }
    double seconds = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        double value = 0;
        const long limit = i > 0 ? 60 : hyphen != std::string::npos ? 24 : kMost;
        if (!part(parts[i], limit, value)) {
            return not_a_time();
        }
        seconds = seconds * 60 + value;
    }
    return days * 86'400 + seconds;
}

}  // namespace

Result<double> parse_duration(const std::string& text) {
    char* end = nullptr;
    double seconds = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || text.find_first_not_of("0123456789.") != std::string::npos) {
        const Result<double> time = clock_time(text);
        if (!time) {
            return time.error();
        }
        seconds = *time;
    }
    return seconds > 0 && seconds <= kYear ? Result<double>(seconds) : not_a_time();
}

std::string as_duration(double seconds) {
    const auto whole = static_cast<long>(std::ceil(seconds));
    const std::string time = fmt::format("{:02}:{:02}:{:02}", whole / 3600 % 24, whole / 60 % 60, whole % 60);
    return whole < 86'400 ? time : fmt::format("{}-{}", whole / 86'400, time);
}

}  // namespace inferstep::sweep
