#include <fmt/format.h>

#include <cmath>

#include "report/compute_grouping.hpp"
#include "report/compute_stages.hpp"
#include "report/numbers.hpp"
#include "report/page_parts.hpp"
#include "report/tables_parts.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

// A row for each stage, with the columns from `begin` to `end`.
std::string table_of_stages(const PageContent& page, const std::string& id, const std::string& caption,
                            std::size_t begin, std::size_t end) {
    constexpr const char* kUnits[] = {"s", "MiB", "%", ""};
    constexpr double kSizes[] = {1, 1 << 20, 0.01, 1};
    const Figures& figures = page.figures;
    HtmlTable table(id, caption);
    table.column("series", false);
    table.column(clean_text(figures.x_name), true);
    table.column("stage", true);
    table.column("layers", false);
    table.column("node", false);
    for (std::size_t k = begin; k < end; ++k) {
        const StageColumn& column = stage_columns()[k];
        table.column(with_unit(column.title, kUnits[static_cast<int>(column.unit)]), true);
    }
    for (std::size_t i = 0; i < figures.rows.size(); ++i) {
        for (const StageFigures& stage : figures.rows[i].stages) {
            table.row("");
            table.text(escaped(figures.series[figures.rows[i].series].name), true);
            table.plain(figures.rows[i].x);
            table.plain(stage.stage);
            table.text(escaped(stage.layers));
            table.text(escaped(stage.node));
            for (std::size_t k = begin; k < end; ++k) {
                Value bare = stage.values[k];
                bare.low = bare.high = kUnknown;  // there is no room for intervals; stages.csv has them
                table.number(bare, kSizes[static_cast<int>(stage_columns()[k].unit)], "#" + row_anchor(i));
            }
        }
    }
    return table.empty() ? "" : table.html();
}

}  // namespace

std::string experiment_table(const PageContent& page) {
    const Figures& figures = page.figures;
    if (figures.experiment.empty()) {
        return "";
    }
    HtmlTable table("experiment-table", "What " + clean_text(figures.kind) + " is about");
    table.column("series", false, "series");
    table.column(clean_text(figures.x_name), true, "x");
    std::string rules;
    for (const ExperimentColumn& column : figures.experiment) {
        table.column(with_unit(column.title, column.fraction ? "%" : ""), true, "experiment." + column.key);
        rules += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escaped(column.title), escaped(column.rule));
    }
    for (std::size_t i = 0; i < figures.rows.size(); ++i) {
        const Row& row = figures.rows[i];
        table.row(fmt::format("{}", i));
        table.text(escaped(figures.series[row.series].name), true);
        table.plain(row.x);
        for (std::size_t k = 0; k < row.experiment.size(); ++k) {
            table.number(row.experiment[k], figures.experiment[k].fraction ? 0.01 : 1, "#" + row_anchor(i));
        }
    }
    return table.html() + "<dl>\n" + rules + "</dl>\n";
}

std::string stages_table(const PageContent& page) {
    const std::size_t columns = stage_columns().size();
    const std::size_t first = stage_column("cpu_utilization");  // before it are times, from it on the resources
    return table_of_stages(page, "stages-times", "Time of each stage; means over the repeats", 0, first) +
           table_of_stages(page, "stages-resources", "What each stage used; means over the repeats", first, columns);
}

}  // namespace inferstep::report
