// The CSVs of runs of `inferstep stage`; empty texts for others.
#include "report/bundle_parts.hpp"
#include "report/compute_stages.hpp"
#include "report/csv_text.hpp"

namespace inferstep::report {
namespace {

void value_header(CsvText& csv, const std::string& name) { csv.text(name).text(name + "_low").text(name + "_high"); }

void value(CsvText& csv, const Value& v) { csv.number(v.value).number(v.low).number(v.high); }

void row_begin(CsvText& csv, const Figures& figures, const Row& row) {
    csv.text(figures.series[row.series].name).text(figures.x_name).number(row.x);
}

}  // namespace

std::string experiment_csv(const Figures& figures, const Collection& /*collection*/) {
    if (figures.experiment.empty()) {
        return "";
    }
    CsvText csv;
    csv.text("series").text("x_name").text("x");
    for (const ExperimentColumn& column : figures.experiment) {
        value_header(csv, column.key);
    }
    csv.end();
    for (const Row& row : figures.rows) {
        row_begin(csv, figures, row);
        for (const Value& v : row.experiment) {
            value(csv, v);
        }
        csv.end();
    }
    return csv.str();
}

std::string stages_csv(const Figures& figures, const Collection& /*collection*/) {
    CsvText csv;
    for (const char* name : {"series", "x_name", "x", "stage", "layers", "node"}) {
        csv.text(name);
    }
    for (const StageColumn& column : stage_columns()) {
        value_header(csv, column.key);
    }
    csv.end();
    bool any = false;
    for (const Row& row : figures.rows) {
        for (const StageFigures& stage : row.stages) {
            any = true;
            row_begin(csv, figures, row);
            csv.whole(stage.stage).text(stage.layers).text(stage.node);
            for (const Value& v : stage.values) {
                value(csv, v);
            }
            csv.end();
        }
    }
    return any ? csv.str() : "";
}

}  // namespace inferstep::report
