#include <fmt/format.h>

#include <cmath>

#include "core/log.hpp"
#include "report/compute_stages.hpp"
#include "report/numbers.hpp"
#include "report/tables_parts.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

// Those that a terminal has room for; the page and the CSV have all.
constexpr const char* kShown[] = {
    "load_s",   "prefill_s",         "decode_s", "send_s", "receive_wait_s", "bubble_fraction", "memory_peak_bytes",
    "read_GBs", "reference_read_GBs"};

double size_of(const StageColumn& column, double bytes) {
    return column.unit == StageColumn::Unit::kBytes ? bytes : column.unit == StageColumn::Unit::kFraction ? 0.01 : 1;
}

}  // namespace

std::string experiment_text(const Figures& figures) {
    if (figures.experiment.empty()) {
        return "";
    }
    TextTable table = table_of_rows(figures);
    for (const ExperimentColumn& column : figures.experiment) {
        table.column(column.fraction ? column.title + " [%]" : column.title);
    }
    for (const Row& row : figures.rows) {
        std::vector<std::string> cells = keys_of(figures, row);
        for (std::size_t i = 0; i < row.experiment.size(); ++i) {
            cells.push_back(cell(row.experiment[i], figures.experiment[i].fraction ? 0.01 : 1));
        }
        table.row(std::move(cells));
    }
    std::string rules;
    for (const ExperimentColumn& column : figures.experiment) {
        rules += wrapped(fmt::format("  {}: {}", column.title, column.rule), 4);
    }
    return table.draw() + rules;
}

std::string stages_text(const Figures& figures) {
    const std::size_t memory_at = stage_column("memory_peak_bytes");
    const Unit memory = memory_unit(typical(figures, [&](const Row& row) {
        return row.stages.empty() ? kUnknown : row.stages[0].values[memory_at].value;
    }));
    const bool names = figures.series.size() > 1;
    TextTable table(names ? 3 : 2);
    if (names) {
        table.column("series", true);
    }
    table.column(printable(figures.x_name));
    table.column("stage");
    for (const char* key : kShown) {
        const StageColumn& column = stage_columns()[stage_column(key)];
        const char* units[] = {"s", memory.name, "%", ""};
        table.column(with_unit(column.title, units[static_cast<int>(column.unit)]));
    }
    for (const Row& row : figures.rows) {
        for (const StageFigures& stage : row.stages) {
            std::vector<std::string> cells = keys_of(figures, row);
            cells.push_back(fmt::format("{}", stage.stage));
            for (const char* key : kShown) {
                const std::size_t at = stage_column(key);
                cells.push_back(
                    significant(stage.values[at].value / size_of(stage_columns()[at], memory.size), kDigits));
            }
            table.row(std::move(cells));
        }
    }
    return table.has_values() ? table.draw() : "";
}

}  // namespace inferstep::report
