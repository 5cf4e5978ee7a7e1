#include "sweep/metric_rule.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/log.hpp"
#include "core/words.hpp"
#include "sweep/metric_files.hpp"
#include "sweep/metric_regex.hpp"
#include "sweep/metric_scan.hpp"

namespace inferstep::sweep {
namespace {

constexpr std::string_view kReduce[] = {"first", "last", "min", "max", "mean", "sum"};
constexpr std::size_t kShown = 60;

// Folds the numbers into one as they come, and remembers where the one that counts stands.
class Folded {
   public:
    explicit Folded(const std::string& how) : how_(how) {}

    void add(double value, const std::string& file, long line) {
        sum_ += value;
        ++count_;
        const bool better = count_ == 1 || (how_ == "min" && value < value_) || (how_ == "max" && value > value_) ||
                            how_ == "last" || how_ == "mean" || how_ == "sum";
        if (better) {
            value_ = value;
            file_ = file;
            line_ = line;
        }
    }
    long count() const { return count_; }
    double value() const { return how_ == "sum" ? sum_ : how_ == "mean" ? sum_ / static_cast<double>(count_) : value_; }
    const std::string& file() const { return file_; }
    long line() const { return line_; }

   private:
    const std::string& how_;
    double value_ = 0;
    double sum_ = 0;
    long count_ = 0;
    std::string file_;
    long line_ = 0;
};

std::string what_for(const MetricRule& rule) {
    const std::string select = "'" + printable(rule.select) + "'";
    return rule.from == MetricRule::From::kRegex ? "no line matches " + select
           : rule.from == MetricRule::From::kCsv ? "there is no row with " + select
                                                 : "there is no member " + select;
}

}  // namespace

Result<double> parse_real(std::string_view text) {
    const std::string shown = printable(text.substr(0, kShown));
    const std::size_t begin = text.find_first_not_of(" \t");
    text = begin == std::string_view::npos ? "" : text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
    text.remove_prefix(text.starts_with('+') && !text.starts_with("+-") ? 1 : 0);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range) {
        return fail("'{}' is larger or smaller than a number can be", shown);
    }
    if (error != std::errc() || end != text.data() + text.size()) {
        return fail("'{}' is no number", shown);
    }
    if (!std::isfinite(value)) {
        return fail("'{}' is no finite number", shown);
    }
    return value;
}

Status check_rule(const MetricRule& rule) {
    if (Status s = check_pattern(rule.file); !s) {
        return fail("metric {}: {}", printable(rule.name), s.error().message);
    }
    const std::string what = fmt::format("metric {}: reduce", printable(rule.name));
    if (const auto how = parse_choice(what, rule.reduce, {std::begin(kReduce), std::end(kReduce)}); !how) {
        return how.error();
    }
    const std::string better = fmt::format("metric {}: better", printable(rule.name));
    if (const auto which = parse_choice(better, rule.better, {"lower", "higher"}); !which) {
        return which.error();
    }
    if (Status s = check_select(rule); !s) {
        return with_hint(fail("metric {}: {}", printable(rule.name), s.error().message), s.error().hint);
    }
    return Status::ok();
}

Result<Metric> apply_rule(const MetricRule& rule, const std::string& directory) {
    const auto wrong = [&rule](const std::string& why) { return fail("metric {}: {}", printable(rule.name), why); };
    if (Status s = check_rule(rule); !s) {
        return s.error();
    }
    const std::vector<std::string> files = matching_files(directory, rule.file);
    if (files.empty()) {
        return wrong(fmt::format("there is no file {}", printable(rule.file)));
    }
    Folded folded(rule.reduce);
    std::string cut;
    for (const std::string& file : files) {
        const Use use{[&](double value, long line) { folded.add(value, file, line); }, &cut};
        if (Status s = scan(rule, fmt::format("{}/{}", directory, file), printable(file), use); !s) {
            return wrong(s.error().message);
        }
    }
    if (folded.count() == 0) {
        const std::string where =
            files.size() == 1 ? printable(files[0]) : fmt::format("any of the {} files {}", files.size(), rule.file);
        return wrong(what_for(rule) + " in " + where + (cut.empty() ? "" : "; " + cut));
    }
    if (!std::isfinite(folded.value())) {
        return wrong(fmt::format("the {} of {} numbers is no finite number", rule.reduce, folded.count()));
    }
    return Metric{rule.name, rule.unit, folded.value(), rule.better, folded.file(), folded.line()};
}

}  // namespace inferstep::sweep
