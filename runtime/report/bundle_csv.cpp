#include "report/bundle_parts.hpp"
#include "report/compute_grouping.hpp"
#include "report/csv_text.hpp"

namespace inferstep::report {
namespace {

void header(CsvText& csv, std::initializer_list<const char*> names) {
    for (const char* name : names) {
        csv.text(name);
    }
}

// A value and its interval, under three names.
void value_header(CsvText& csv, std::initializer_list<const char*> names) {
    for (const std::string name : names) {
        csv.text(name).text(name + "_low").text(name + "_high");
    }
}

void value(CsvText& csv, const Value& v) { csv.number(v.value).number(v.low).number(v.high); }

// What begins the rows of all tables but those of executions.
void row_header(CsvText& csv) { header(csv, {"series", "x_name", "x"}); }

void row_begin(CsvText& csv, const Figures& figures, const Row& row) {
    csv.text(figures.series[row.series].name).text(figures.x_name).number(row.x);
}

std::string ids(const Collection& collection, const std::vector<std::size_t>& executions) {
    std::string text;
    for (const std::size_t i : executions) {
        text += (text.empty() ? "" : " ") + collection.executions[i].id;
    }
    return text;
}

void source(CsvText& csv, const Source& s) {
    csv.text(s.file);
    s.line > 0 ? csv.whole(s.line) : csv.text("");
}

void accounting(CsvText& csv, const Accounting& a) {
    csv.text(a.job).text(a.step);
    for (const double v : {a.elapsed_s, a.cpu_s, a.allocated_cpu_s, a.max_rss_bytes, a.energy_j, a.database_cpu_s,
                           a.database_rss_bytes, a.queue_s, a.input_s, a.inference_s, a.output_s, a.gpu_utilization}) {
        csv.number(v);
    }
    source(csv, a.source);
    csv.text(a.record.file).text(a.gpu.file).text(a.why);
}

void executions_header(CsvText& csv, const std::vector<std::string>& names) {
    header(csv, {"tree", "id", "repeat", "warmup", "state", "exit_code", "why", "nodes", "tasks", "gpus"});
    for (const std::string& name : names) {
        csv.text("parameter." + name);
    }
    header(csv, {"begin",
                 "seconds",
                 "work",
                 "work_unit",
                 "time_s",
                 "rate",
                 "files",
                 "rows",
                 "job",
                 "step",
                 "elapsed_s",
                 "cpu_s",
                 "allocated_cpu_s",
                 "max_rss_bytes",
                 "energy_j",
                 "database_cpu_s",
                 "database_rss_bytes",
                 "queue_s",
                 "input_s",
                 "inference_s",
                 "output_s",
                 "gpu_utilization",
                 "accounting_file",
                 "accounting_line",
                 "record_file",
                 "gpu_file",
                 "accounting_why"});
    csv.end();
}

}  // namespace

std::string executions_csv(const Figures& figures, const Collection& collection) {
    const std::vector<std::string> names = parameter_names(collection);
    CsvText csv;
    executions_header(csv, names);
    for (std::size_t i = 0; i < collection.executions.size(); ++i) {
        const Execution& e = collection.executions[i];
        csv.text(collection.trees[e.tree].label).text(e.id).whole(e.repeat).whole(e.warmup ? 1 : 0);
        csv.text(state_word(e.state)).whole(e.exit_code).text(e.why);
        csv.whole(e.nodes).whole(e.tasks).whole(e.gpus);
        for (const std::string& name : names) {
            const std::string* text = parameter(e, name);
            csv.text(text != nullptr ? *text : "");
        }
        std::int64_t rows = 0;
        for (const RankFile& file : e.files) {
            rows += file.rows;
        }
        csv.number(e.begin).number(e.seconds).number(e.work).text(e.work_unit);
        csv.number(figures.times[i]).number(figures.rates[i]);
        csv.whole(static_cast<std::int64_t>(e.files.size())).whole(rows);
        accounting(csv, e.accounting);
        csv.end();
    }
    return csv.str();
}

std::string functions_csv(const Figures& figures, const Collection& collection) {
    CsvText csv;
    row_header(csv);
    header(csv, {"function", "kind", "count"});
    value_header(csv, {"mean_s"});
    header(csv, {"deviation_s", "min_s"});
    value_header(csv, {"p50_s", "p95_s", "p99_s"});
    header(csv, {"max_s", "fastest_file", "fastest_line", "slowest_file", "slowest_line", "executions"});
    csv.end();
    for (const Row& row : figures.rows) {
        for (const Distribution& d : row.functions) {
            row_begin(csv, figures, row);
            csv.text(d.function).text(d.profiled ? "profiler" : "wall").whole(d.count);
            value(csv, d.mean);
            csv.number(d.deviation).number(d.min);
            value(csv, d.p50);
            value(csv, d.p95);
            value(csv, d.p99);
            csv.number(d.max);
            source(csv, d.fastest);
            source(csv, d.slowest);
            csv.text(ids(collection, d.mean.from)).end();
        }
    }
    return csv.str();
}

std::string scaling_csv(const Figures& figures, const Collection& collection) {
    CsvText csv;
    row_header(csv);
    header(csv, {"nodes", "tasks", "gpus", "repeats", "work"});
    value_header(csv, {"time_s", "rate", "relative_time", "speedup_common", "speedup_own", "strong_common",
                       "strong_own", "weak_common", "weak_own", "cpu_utilization", "gpu_utilization", "memory_bytes",
                       "energy_j", "database_share", "imbalance"});
    csv.text("executions").end();
    for (const Row& row : figures.rows) {
        row_begin(csv, figures, row);
        csv.whole(row.nodes).whole(row.tasks).whole(row.gpus);
        csv.whole(static_cast<std::int64_t>(row.executions.size())).number(row.work.value);
        for (const Value* v :
             {&row.time, &row.rate, &row.relative_time, &row.speedup_common, &row.speedup_own, &row.strong_common,
              &row.strong_own, &row.weak_common, &row.weak_own, &row.utilization, &row.gpu_utilization,
              &row.memory_bytes, &row.energy_j, &row.database_share, &row.imbalance}) {
            value(csv, *v);
        }
        csv.text(ids(collection, row.executions)).end();
    }
    return csv.str();
}

std::string breakdown_csv(const Figures& figures, const Collection& collection) {
    CsvText csv;
    row_header(csv);
    value_header(csv, {"communication", "compute", "io", "preprocess", "bubble", "other", "database_queue",
                       "database_input", "database_inference", "database_output"});
    csv.text("executions").end();
    for (const Row& row : figures.rows) {
        const Breakdown& b = row.breakdown;
        row_begin(csv, figures, row);
        for (const Value* v :
             {&b.communication, &b.compute, &b.io, &b.preprocess, &b.bubble, &b.other, &row.database.queue,
              &row.database.input, &row.database.inference, &row.database.output}) {
            value(csv, *v);
        }
        csv.text(ids(collection, row.executions)).end();
    }
    return csv.str();
}

std::string metrics_csv(const Figures& figures, const Collection& collection) {
    CsvText csv;
    row_header(csv);
    header(csv, {"metric", "unit", "better"});
    value_header(csv, {"value"});
    csv.text("executions").end();
    for (const Row& row : figures.rows) {
        for (std::size_t i = 0; i < row.metrics.size(); ++i) {
            const Metric& m = figures.metrics[i];
            row_begin(csv, figures, row);
            csv.text(m.name).text(m.unit).text(m.higher_is_better ? "higher" : "lower");
            value(csv, row.metrics[i]);
            csv.text(ids(collection, row.metrics[i].from)).end();
        }
    }
    return csv.str();
}

std::string failures_csv(const Figures& figures, const Collection& collection) {
    CsvText csv;
    header(csv, {"tree", "id", "state", "exit_code", "text"});
    csv.end();
    for (const Failure& f : figures.failures) {
        const Execution& e = collection.executions[f.execution];
        csv.text(collection.trees[e.tree].label).text(e.id).text(state_word(e.state));
        csv.whole(e.exit_code).text(f.text).end();
    }
    return csv.str();
}

std::string outliers_csv(const Figures& figures, const Collection& collection) {
    CsvText csv;
    header(csv, {"tree", "id", "text", "file", "line"});
    csv.end();
    for (const Outlier& o : figures.outliers) {
        const Execution& e = collection.executions[o.execution];
        csv.text(collection.trees[e.tree].label).text(e.id).text(o.text);
        source(csv, o.source);
        csv.end();
    }
    return csv.str();
}

}  // namespace inferstep::report
