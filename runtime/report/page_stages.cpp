#include <fmt/format.h>

#include <cmath>

#include "report/compute_grouping.hpp"
#include "report/compute_stages.hpp"
#include "report/numbers.hpp"
#include "report/page_parts.hpp"
#include "report/tables_parts.hpp"
#include "report/text.hpp"

namespace inferstep::report {

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
    const Figures& figures = page.figures;
    HtmlTable table("stages-table", "What each stage did; means over the repeats");
    table.column("series", false);
    table.column(clean_text(figures.x_name), true);
    table.column("stage", true);
    table.column("layers", false);
    table.column("node", false);
    constexpr double kMiB = 1 << 20;
    for (const StageColumn& column : stage_columns()) {
        constexpr const char* kUnits[] = {"s", "MiB", "%", ""};
        table.column(with_unit(column.title, kUnits[static_cast<int>(column.unit)]), true);
    }
    for (std::size_t i = 0; i < figures.rows.size(); ++i) {
        const Row& row = figures.rows[i];
        for (const StageFigures& stage : row.stages) {
            table.row("");
            table.text(escaped(figures.series[row.series].name), true);
            table.plain(row.x);
            table.plain(stage.stage);
            table.text(escaped(stage.layers));
            table.text(escaped(stage.node));
            for (std::size_t k = 0; k < stage.values.size(); ++k) {
                constexpr double kSizes[] = {1, kMiB, 0.01, 1};
                table.number(stage.values[k], kSizes[static_cast<int>(stage_columns()[k].unit)], "#" + row_anchor(i));
            }
        }
    }
    return table.empty() ? "" : table.html();
}

}  // namespace inferstep::report
