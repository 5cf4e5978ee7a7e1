// Where a time stands. The collection keeps eight bytes for each of ten million times, and no line numbers: the one
// file that holds the time is read again, whatever its format, for the row with this function and this number.
#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/file.hpp"
#include "report/compute_distributions.hpp"

namespace inferstep::report {
namespace {

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r");
    return begin == std::string_view::npos ? std::string_view()
                                           : text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// A row's fields tell whether it is the one.
struct Wanted {
    std::string_view function;
    double value;

    bool is_number(std::string_view field) const {
        double number = 0;
        const char* end = field.data() + field.size();
        const auto [rest, error] = std::from_chars(field.data(), end, number);
        return error == std::errc() && rest == end && number == value;
    }

    bool is_in(std::string_view line, bool with_function) const {
        bool named = !with_function;
        bool found = false;
        while (true) {
            const std::size_t comma = line.find(',');
            const std::string_view field = trimmed(line.substr(0, comma));
            named = named || field == function;
            found = found || is_number(field);
            if (comma == std::string_view::npos) {
                return named && found;
            }
            line.remove_prefix(comma + 1);
        }
    }

    std::int64_t line_in(std::string_view text, bool with_function) const {
        for (std::int64_t number = 1; !text.empty(); ++number) {
            const std::size_t end = text.find('\n');
            if (is_in(text.substr(0, end), with_function)) {
                return number;
            }
            text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        }
        return 0;
    }
};

}  // namespace

Source locate(const Execution& execution, const FunctionTimes& times, std::size_t index) {
    const auto after = std::upper_bound(times.parts.begin(), times.parts.end(), index,
                                        [](std::size_t i, const FunctionTimes::Part& part) { return i < part.begin; });
    if (after == times.parts.begin() || (after - 1)->file >= execution.files.size()) {
        return {};
    }
    Source source{execution.files[(after - 1)->file].path, 0};
    const Result<std::string> text = read_file(source.file);
    if (!text) {
        return source;
    }
    const Wanted wanted{times.function, times.seconds[index]};
    source.line = wanted.line_in(*text, true);
    source.line = source.line != 0 ? source.line : wanted.line_in(*text, false);  // a format that names no functions
    return source;
}

}  // namespace inferstep::report
