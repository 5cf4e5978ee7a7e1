#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/log.hpp"
#include "core/stats.hpp"
#include "core/text.hpp"
#include "report/numbers.hpp"
#include "report/tables_parts.hpp"

namespace inferstep::report {
namespace {

constexpr std::size_t kFunctionWidth = 40;
constexpr std::size_t kLargest = 10;  // of a profiler's functions, of which there are hundreds

const Distribution* find(const Row& row, const std::string& function) {
    const auto found = std::find_if(row.functions.begin(), row.functions.end(),
                                    [&](const Distribution& d) { return d.function == function; });
    return found == row.functions.end() || found->profiled ? nullptr : &*found;
}

// Column after column of a distribution, in units of `size`.
void add_columns(TextTable& table) {
    for (const char* header : {"count", "mean", "sd", "min", "p50", "p95", "p99", "max"}) {
        table.column(header);
    }
}

void add_cells(std::vector<std::string>& cells, const Distribution& d, double size) {
    const auto in_unit = [size](double v) { return significant(v / size, kDigits); };
    cells.push_back(fmt::format("{}", d.count));
    cells.push_back(cell(d.mean, size));
    cells.push_back(in_unit(d.deviation));
    cells.push_back(in_unit(d.min));
    for (const Value* v : {&d.p50, &d.p95, &d.p99}) {
        cells.push_back(cell(*v, size));
    }
    cells.push_back(in_unit(d.max));
}

std::string table_of(const Figures& figures, const std::string& function) {
    std::vector<double> medians;
    for (const Row& row : figures.rows) {
        if (const Distribution* d = find(row, function); d != nullptr) {
            medians.push_back(d->p50.value);
        }
    }
    if (medians.empty()) {
        return "";
    }
    const Unit unit = time_unit(percentile(std::move(medians), 0.5));
    TextTable table = table_of_rows(figures);
    add_columns(table);
    for (const Row& row : figures.rows) {
        if (const Distribution* d = find(row, function); d != nullptr) {
            std::vector<std::string> cells = keys_of(figures, row);
            add_cells(cells, *d, unit.size);
            table.row(std::move(cells));
        }
    }
    return fmt::format("\n{} [{}]\n{}", printable(function), unit.name, table.draw());
}

// One row has its functions below each other.
std::string table_of(const Row& row) {
    std::vector<double> medians;
    for (const Distribution& d : row.functions) {
        if (!d.profiled) {
            medians.push_back(d.p50.value);
        }
    }
    if (medians.empty()) {
        return "";
    }
    const Unit unit = time_unit(percentile(std::move(medians), 0.5));
    TextTable table(1);
    table.column("function", true);
    add_columns(table);
    for (const Distribution& d : row.functions) {
        if (!d.profiled) {
            std::vector<std::string> cells = {shortened(printable(d.function), kFunctionWidth)};
            add_cells(cells, d, unit.size);
            table.row(std::move(cells));
        }
    }
    return fmt::format("\nTimes of the functions [{}]\n{}", unit.name, table.draw());
}

// Below the only tree the path of which is at the top, or whole.
std::string place(const Source& source, const Collection& collection) {
    std::string file = source.file;
    if (const std::string top = collection.trees.size() == 1 ? collection.trees[0].path + "/" : "";
        !top.empty() && file.starts_with(top)) {
        file.erase(0, top.size());
    }
    return source.line > 0 ? fmt::format("{}:{}", printable(file), source.line) : printable(file);
}

template <typename Each>
void each_remark(std::string& text, const char* title, const std::vector<Each>& remarks, const Collection& collection) {
    if (remarks.empty()) {
        return;
    }
    text += fmt::format("\n{}\n", title);
    for (const Each& remark : remarks) {
        std::string line = "  " + printable(remark.text);
        if constexpr (!std::is_same_v<Each, Failure>) {
            line += remark.source.file.empty() ? "" : " (" + place(remark.source, collection) + ")";
        }
        text += wrapped(line, 4);
    }
}

}  // namespace

std::string distributions_text(const Figures& figures) {
    if (figures.rows.size() == 1) {
        return table_of(figures.rows[0]);
    }
    std::string text;
    for (const std::string& function : figures.functions) {
        text += table_of(figures, function);
    }
    return text;
}

std::string slowest_text(const Figures& figures, const Collection& collection) {
    std::string text;
    for (const std::string& function : figures.functions) {
        const Distribution* slowest = nullptr;
        const Row* of = nullptr;
        for (const Row& row : figures.rows) {
            const Distribution* d = find(row, function);
            if (d != nullptr && (slowest == nullptr || d->max > slowest->max)) {
                slowest = d;
                of = &row;
            }
        }
        if (slowest != nullptr) {
            const std::string series =
                figures.series.size() > 1 ? series_label(figures, figures.series[of->series]) + ", " : "";
            text += wrapped(fmt::format("  {}: {} ({}{} {}): {}", printable(function), duration(slowest->max), series,
                                        printable(figures.x_name), plain(of->x), place(slowest->slowest, collection)),
                            4);
        }
    }
    return text;
}

std::string profile_text(const Figures& figures) {
    struct Total {
        double seconds;
        const Row* row;
        const Distribution* function;
    };
    std::vector<Total> totals;
    for (const Row& row : figures.rows) {
        for (const Distribution& d : row.functions) {
            if (d.profiled) {
                totals.push_back({d.mean.value * static_cast<double>(d.count), &row, &d});
            }
        }
    }
    if (totals.empty()) {
        return "";
    }
    std::stable_sort(totals.begin(), totals.end(),
                     [](const Total& a, const Total& b) { return a.seconds > b.seconds; });
    totals.resize(std::min(totals.size(), kLargest));
    TextTable table = table_of_rows(figures);
    table.column("count");
    table.column("total [s]");
    table.column("function", true);
    for (const Total& t : totals) {
        std::vector<std::string> cells = keys_of(figures, *t.row);
        cells.push_back(fmt::format("{}", t.function->count));
        cells.push_back(significant(t.seconds, kDigits));
        cells.push_back(shortened(printable(t.function->function), kFunctionWidth));
        table.row(std::move(cells));
    }
    return table.draw();
}

std::string remarks_text(const Figures& figures, const Collection& collection) {
    std::string text;
    each_remark(text, "Outliers", figures.outliers, collection);
    each_remark(text, "Failures", figures.failures, collection);
    each_remark(text, "Notes", figures.notes, collection);
    return text;
}

}  // namespace inferstep::report
