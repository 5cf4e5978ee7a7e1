#include "sweep/metric_regex.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <regex>

#include "core/log.hpp"
#include "sweep/metric_rule.hpp"

namespace inferstep::sweep {
namespace {

// The matcher of the library needs stack for every character.
constexpr std::size_t kLongestLine = 4096;

Result<std::regex> compiled(const std::string& expression) {
    try {
        return std::regex(expression, std::regex::ECMAScript | std::regex::optimize);
    } catch (const std::regex_error& e) {
        return fail("'{}' is no regular expression: {}", printable(expression), e.what());
    }
}

Result<bool> is_found(const std::string_view& line, std::cmatch& match, const std::regex& expression) {
    try {
        return std::regex_search(line.data(), line.data() + std::min(line.size(), kLongestLine), match, expression);
    } catch (const std::regex_error& e) {
        return fail("the expression takes too long: {}", e.what());
    }
}

// Behind a part of an expression: may it also be absent?
bool may_be_absent(char next) { return next == '*' || next == '?' || next == '{'; }

// The ] of the [ at `begin`, or the end.
std::size_t end_of_class(const std::string& expression, std::size_t begin) {
    std::size_t i = begin + 1;
    while (i < expression.size() && expression[i] != ']') {
        i += expression[i] == '\\' ? 2U : 1U;
    }
    return std::min(i, expression.size());
}

}  // namespace

Status scan_regex(const MetricRule& rule, Lines& lines, const std::string& name, const Use& use) {
    const Result<std::regex> expression = compiled(rule.select);
    if (!expression) {
        return expression.error();
    }
    const std::string text = required_text(rule.select);
    std::cmatch match;
    while (const std::string_view* line = lines.next()) {
        if (!text.empty() && memmem(line->data(), line->size(), text.data(), text.size()) == nullptr) {
            continue;
        }
        const Result<bool> found = is_found(*line, match, *expression);
        if (!found) {
            return fail("{} line {}: {}", name, lines.number(), found.error().message);
        }
        if (!*found) {
            continue;
        }
        const Result<double> value = parse_real(match[1].str());
        if (!value) {
            return fail("{} line {}: {}", name, lines.number(), value.error().message);
        }
        use.number(*value, lines.number());
    }
    return Status::ok();
}

std::string required_text(const std::string& expression) {
    std::string longest, run;
    const auto close = [&] {
        longest = run.size() > longest.size() ? run : longest;
        run.clear();
    };
    if (expression.find('|') != std::string::npos) {
        return "";
    }
    int depth = 0;
    bool unsure = false;
    for (std::size_t i = 0; i < expression.size(); ++i) {
        const char c = expression[i];
        const char next = i + 1 < expression.size() ? expression[i + 1] : '\0';
        if (c == '[') {
            close();
            i = end_of_class(expression, i);
        } else if (c == '\\') {
            close();
            i = std::isalnum(static_cast<unsigned char>(next)) != 0 && std::strchr("bBdDsSwW", next) == nullptr
                    ? expression.size()  // a character by its number
                    : i + 1;
            unsure = unsure || i >= expression.size();
        } else if (c == '(' || c == ')') {
            close();
            depth += c == '(' ? 1 : -1;
        } else if (std::strchr(".^$*+?{}", c) != nullptr) {
            close();
            i = c == '{' ? std::min(expression.find('}', i), expression.size()) : i;
        } else if (depth == 0 && !may_be_absent(next)) {
            run += c;
        } else {
            close();
        }
    }
    close();
    return unsure ? "" : longest;
}

Status check_select(const MetricRule& rule) {
    if (rule.select.empty()) {
        return fail("it does not say what to look for");
    }
    if (rule.from != MetricRule::From::kRegex) {
        return Status::ok();
    }
    const Result<std::regex> expression = compiled(rule.select);
    if (!expression) {
        return expression.error();
    }
    if (expression->mark_count() != 1) {
        return with_hint(fail("'{}' has {} groups; the number stands in the only one", printable(rule.select),
                              expression->mark_count()),
                         "(?:...) groups without counting");
    }
    return Status::ok();
}

}  // namespace inferstep::sweep
