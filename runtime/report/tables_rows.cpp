#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/log.hpp"
#include "core/stats.hpp"
#include "report/numbers.hpp"
#include "report/tables_parts.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

// What the columns of the scaling table mean, in words.
std::string scaling_rules(const Figures& figures) {
    std::string text;
    const auto line = [&text](const char* what, const std::string& words) {
        text += words.empty() ? "" : wrapped(fmt::format("  {:<12}{}", what, printable(words)), 14);
    };
    line("time", figures.time_rule);
    line("rate", figures.rate_rule);
    line("baseline", figures.baseline_rule);
    line("own",
         figures.series.size() > 1 ? fmt::format("each series against its own smallest {}", figures.x_name) : "");
    line("efficiency", figures.scaling_rule);
    return text;
}

}  // namespace

std::string scaling_text(const Figures& figures) {
    const Unit unit = time_unit(typical(figures, [](const Row& row) { return row.time.value; }));
    const bool own = figures.series.size() > 1;  // one series has one baseline
    TextTable table = table_of_rows(figures);
    table.column("repeats");
    table.column(with_unit("time", unit.name));
    table.column(printable(with_unit("rate", figures.rate_unit)));
    for (const char* header : {"relative time", "speed-up", "strong [%]", "weak [%]"}) {
        table.column(header);
    }
    for (const char* header : {"own speed-up", "own strong [%]", "own weak [%]"}) {
        if (own) {
            table.column(header);
        }
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
        if (own) {
            cells.push_back(cell(row.speedup_own));
            cells.push_back(percent(row.strong_own));
            cells.push_back(percent(row.weak_own));
        }
        table.row(std::move(cells));
    }
    return table.draw() + scaling_rules(figures);
}

std::string resources_text(const Figures& figures) {
    const Unit memory = memory_unit(typical(figures, [](const Row& row) { return row.memory_bytes.value; }));
    TextTable table = table_of_rows(figures);
    table.column("CPUs used [%]");
    table.column("GPUs used [%]");
    table.column(with_unit("largest task", memory.name));
    table.column("energy [J]");
    table.column("databases [% of CPU time]");
    table.column("imbalance [%]");
    for (const Row& row : figures.rows) {
        std::vector<std::string> cells = keys_of(figures, row);
        for (std::string text :
             {percent(row.utilization), percent(row.gpu_utilization), cell(row.memory_bytes, memory.size),
              cell(row.energy_j), percent(row.database_share), percent(row.imbalance)}) {
            cells.push_back(std::move(text));
        }
        table.row(std::move(cells));
    }
    return table.has_values() ? table.draw() : "";
}

std::string breakdown_text(const Figures& figures) {
    TextTable table = table_of_rows(figures);
    for (const char* header : {"communication", "compute", "I/O", "preprocess", "bubble", "other"}) {
        table.column(header);
    }
    for (const Row& row : figures.rows) {
        const Breakdown& b = row.breakdown;
        std::vector<std::string> cells = keys_of(figures, row);
        for (const Value* v : {&b.communication, &b.compute, &b.io, &b.preprocess, &b.bubble, &b.other}) {
            cells.push_back(percent(*v));
        }
        table.row(std::move(cells));
    }
    return table.has_values() ? table.draw() : "";
}

std::string databases_text(const Figures& figures) {
    TextTable table = table_of_rows(figures);
    for (const char* header : {"queue", "input", "inference", "output"}) {
        table.column(header);
    }
    for (const Row& row : figures.rows) {
        const DatabaseSplit& d = row.database;
        std::vector<std::string> cells = keys_of(figures, row);
        for (const Value* v : {&d.queue, &d.input, &d.inference, &d.output}) {
            cells.push_back(percent(*v));
        }
        table.row(std::move(cells));
    }
    return table.has_values() ? table.draw() : "";
}

// But for the one that is the rate, of which the scaling is.
std::string metrics_text(const Figures& figures) {
    TextTable table = table_of_rows(figures);
    for (const Metric& m : figures.metrics) {
        if (m.name != figures.rate_name) {
            table.column(printable(with_unit(m.name, m.unit)));
        }
    }
    for (const Row& row : figures.rows) {
        std::vector<std::string> cells = keys_of(figures, row);
        for (std::size_t i = 0; i < row.metrics.size(); ++i) {
            if (figures.metrics[i].name != figures.rate_name) {
                cells.push_back(cell(row.metrics[i]));
            }
        }
        table.row(std::move(cells));
    }
    return table.has_values() ? table.draw() : "";
}

}  // namespace inferstep::report
