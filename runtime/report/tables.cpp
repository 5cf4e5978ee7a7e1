#include "report/tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/log.hpp"
#include "core/text.hpp"
#include "report/interval.hpp"
#include "report/numbers.hpp"
#include "report/tables_parts.hpp"

namespace inferstep::report {
namespace {

constexpr std::size_t kSeriesWidth = 36;

std::string heading(const Figures& figures, const Collection& collection) {
    std::string text;
    for (const Tree& tree : collection.trees) {
        text += printable(tree.path) + (tree.format.empty() ? "" : " (" + tree.format + ")") + "\n";
    }
    const auto count = [&](auto is_so) {
        return static_cast<std::size_t>(
            std::count_if(collection.executions.begin(), collection.executions.end(), is_so));
    };
    const std::size_t warmups = count([](const Execution& e) { return e.warmup; });
    const std::size_t failed = figures.failures.size();
    text += counted(collection.executions.size(), "execution");
    text += warmups > 0 ? fmt::format(", {} of them warm-up{}", warmups, warmups == 1 ? "" : "s") : "";
    text += failed > 0 ? fmt::format(", {} without success", failed) : "";
    text += fmt::format("; {} series over {} ({})\n", figures.series.size(), printable(figures.x_name),
                        printable(figures.x_rule));
    text += "± is half of the 95 % confidence interval over the repeats; - was not measured\n";
    return text;
}

std::string legend(const Figures& figures) {
    std::string text;
    for (const Series& series : figures.series) {
        if (seen_width(series.name) > kSeriesWidth) {
            text += wrapped("  " + series_label(figures, series) + " is " + printable(series.name), 4);
        }
    }
    return text.empty() ? "" : "\n" + text;
}

std::string section(const std::string& title, std::string body) {
    return body.empty() ? "" : "\n" + (title.empty() ? "" : title + "\n") + std::move(body);
}

}  // namespace

std::string series_label(const Figures& figures, const Series& series) {
    std::string name = printable(series.name);
    if (seen_width(name) <= kSeriesWidth) {
        return name;
    }
    const auto number = &series - figures.series.data() + 1;
    return fmt::format("#{} {}", number, shortened(name, kSeriesWidth - 5));
}

TextTable table_of_rows(const Figures& figures) {
    const bool names = figures.series.size() > 1;
    TextTable table(names ? 2 : 1);
    if (names) {
        table.column("series", true);
    }
    table.column(printable(figures.x_name));
    return table;
}

std::vector<std::string> keys_of(const Figures& figures, const Row& row) {
    std::vector<std::string> keys;
    if (figures.series.size() > 1) {
        keys.push_back(series_label(figures, figures.series[row.series]));
    }
    keys.push_back(plain(row.x));
    return keys;
}

std::string cell(const Value& value, double size) {
    const double half = half_width(value) / size;
    const bool shown = std::isfinite(half) && (half != 0 || value.value != 0);
    return significant(value.value / size, kDigits) + (shown ? "±" + significant(half, kIntervalDigits) : "");
}

std::string percent(const Value& fraction) { return cell(fraction, 0.01); }

std::string tables(const Figures& figures, const Collection& collection) {
    std::string text = heading(figures, collection);
    if (figures.rows.empty()) {
        return text + section("", remarks_text(figures, collection));
    }
    text += legend(figures);
    text += section("Scaling", scaling_text(figures));
    text += section("The experiment", experiment_text(figures));
    text += section("Stages", stages_text(figures));
    text += section("Correctness", correctness_text(figures, collection));
    text += section("Resources", resources_text(figures));
    text += section("Where the time of the loop went [%]", breakdown_text(figures));
    text += section("Where the requests' time in the databases went [%]", databases_text(figures));
    text += section("Metrics", metrics_text(figures));
    text += distributions_text(figures);
    text += section("Slowest times", slowest_text(figures, collection));
    text += section("Self times of a profiler: the largest, in all; no wall-clock times", profile_text(figures));
    text += remarks_text(figures, collection);
    return text;
}

}  // namespace inferstep::report
