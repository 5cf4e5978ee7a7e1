#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/log.hpp"
#include "core/stats.hpp"
#include "report/numbers.hpp"
#include "report/tables_parts.hpp"

namespace inferstep::report {
namespace {

// The median of what is known: what a unit should suit.
template <typename Of>
double typical(const Figures& figures, Of of) {
    std::vector<double> values;
    for (const Row& row : figures.rows) {
        if (const double v = of(row); std::isfinite(v)) {
            values.push_back(v);
        }
    }
    return percentile(std::move(values), 0.5);
}

std::string with_unit(const std::string& name, const std::string& unit) {
    return unit.empty() ? name : name + " [" + printable(unit) + "]";
}

}  // namespace

std::string scaling_text(const Figures& figures) {
    const Unit unit = time_unit(typical(figures, [](const Row& row) { return row.time.value; }));
    TextTable table = table_of_rows(figures);
    table.column("repeats");
    for (const std::string& header :
         {fmt::format("time [{}]", unit.name), "rate" + with_unit("", figures.rate_unit), std::string("relative time"),
          std::string("speed-up"), std::string("strong [%]"), std::string("weak [%]"), std::string("own speed-up"),
          std::string("own strong [%]"), std::string("own weak [%]")}) {
        table.column(header);
    }
    for (const Row& row : figures.rows) {
        std::vector<std::string> cells = keys_of(figures, row);
        cells.push_back(fmt::format("{}", row.executions.size()));
        cells.push_back(cell(row.time, unit.size));
        for (const Value* v : {&row.rate, &row.relative_time, &row.speedup_common}) {
            cells.push_back(cell(*v));
        }
        cells.push_back(percent(row.strong_common));
        cells.push_back(percent(row.weak_common));
        cells.push_back(cell(row.speedup_own));
        cells.push_back(percent(row.strong_own));
        cells.push_back(percent(row.weak_own));
        table.row(std::move(cells));
    }
    std::string text = table.draw();
    const auto line = [&text](const char* what, const std::string& words) {
        text += words.empty() ? "" : wrapped(fmt::format("  {:<12}{}", what, printable(words)), 14);
    };
    line("time", figures.time_rule);
    line("rate", figures.rate_rule);
    line("baseline", figures.baseline_rule);
    line("own", fmt::format("each series against its own smallest {}", figures.x_name));
    line("efficiency", figures.scaling_rule);
    return text;
}

std::string resources_text(const Figures& figures) {
    const Unit memory = memory_unit(typical(figures, [](const Row& row) { return row.memory_bytes.value; }));
    TextTable table = table_of_rows(figures);
    for (const std::string& header :
         {std::string("CPUs used [%]"), std::string("GPUs used [%]"), fmt::format("memory [{}]", memory.name),
          std::string("energy [J]"), std::string("databases [% of CPU time]"), std::string("imbalance [%]"),
          std::string("queue [%]"), std::string("input [%]"), std::string("inference [%]"),
          std::string("output [%]")}) {
        table.column(header);
    }
    bool any = false;
    for (const Row& row : figures.rows) {
        std::vector<std::string> cells = keys_of(figures, row);
        const std::size_t keys = cells.size();
        cells.push_back(percent(row.utilization));
        cells.push_back(percent(row.gpu_utilization));
        cells.push_back(cell(row.memory_bytes, memory.size));
        cells.push_back(cell(row.energy_j));
        for (const Value* v : {&row.database_share, &row.imbalance, &row.database.queue, &row.database.input,
                               &row.database.inference, &row.database.output}) {
            cells.push_back(percent(*v));
        }
        any = any || std::any_of(cells.begin() + static_cast<std::ptrdiff_t>(keys), cells.end(),
                                 [](const std::string& c) { return c != "-"; });
        table.row(std::move(cells));
    }
    return any ? table.draw() + wrapped(
                                    "  memory is the largest of a task; imbalance: 1 - mean / largest of the ranks' "
                                    "loop times; queue "
                                    "to output: parts of the requests' time in the databases",
                                    2)
               : "";
}

std::string breakdown_text(const Figures& figures) {
    TextTable table = table_of_rows(figures);
    for (const char* header : {"communication", "compute", "I/O", "preprocess", "bubble", "other"}) {
        table.column(header);
    }
    bool any = false;
    for (const Row& row : figures.rows) {
        const Breakdown& b = row.breakdown;
        std::vector<std::string> cells = keys_of(figures, row);
        for (const Value* v : {&b.communication, &b.compute, &b.io, &b.preprocess, &b.bubble, &b.other}) {
            any = any || std::isfinite(v->value);
            cells.push_back(percent(*v));
        }
        table.row(std::move(cells));
    }
    return any ? table.draw() : "";
}

std::string metrics_text(const Figures& figures) {
    if (figures.metrics.empty()) {
        return "";
    }
    TextTable table = table_of_rows(figures);
    for (const Metric& m : figures.metrics) {
        table.column(printable(with_unit(m.name, m.unit)));
    }
    for (const Row& row : figures.rows) {
        std::vector<std::string> cells = keys_of(figures, row);
        for (const Value& v : row.metrics) {
            cells.push_back(cell(v));
        }
        table.row(std::move(cells));
    }
    return table.draw();
}

}  // namespace inferstep::report
