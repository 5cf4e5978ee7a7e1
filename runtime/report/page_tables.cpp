#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/stats.hpp"
#include "report/numbers.hpp"
#include "report/page_parts.hpp"
#include "report/tables_parts.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

// A table of the figures' rows: series and x first. `number` of a row's value links to where it comes from.
class RowTable {
   public:
    RowTable(const PageContent& page, std::string id, std::string caption)
        : figures_(page.figures), table_(std::move(id), std::move(caption)) {
        table_.column("series", false, "series");
        table_.column(clean_text(figures_.x_name), true, "x");
    }
    void column(const std::string& header, const std::string& key) { table_.column(clean_text(header), true, key); }
    void row(std::size_t index) {
        row_ = &figures_.rows[index];
        index_ = index;
        table_.row(fmt::format("{}", index));
        table_.text(escaped(figures_.series[row_->series].name), true);
        table_.plain(row_->x);
    }
    void number(const Value& value, double size = 1) {
        any_ = any_ || std::isfinite(value.value);
        table_.number(value, size, "#" + row_anchor(index_));
    }
    void percent(const Value& fraction) { number(fraction, 0.01); }
    HtmlTable& table() { return table_; }
    std::string html() const { return any_ ? table_.html() : ""; }

   private:
    const Figures& figures_;
    HtmlTable table_;
    const Row* row_ = nullptr;
    std::size_t index_ = 0;
    bool any_ = false;
};

const Distribution* find(const Row& row, const std::string& function) {
    const auto found = std::find_if(row.functions.begin(), row.functions.end(),
                                    [&](const Distribution& d) { return d.function == function; });
    return found == row.functions.end() || found->profiled ? nullptr : &*found;
}

Value bare(double value) {
    Value v;
    v.value = value;
    return v;
}

std::string times_table(const PageContent& page, const std::string& function, std::size_t number) {
    const Figures& figures = page.figures;
    const Unit unit = time_unit(typical(figures, [&](const Row& row) {
        const Distribution* d = find(row, function);
        return d == nullptr ? kUnknown : d->p50.value;
    }));
    RowTable table(page, fmt::format("times-{}", number),
                   fmt::format("Times of {}, in {}", clean_text(function), unit.name));
    table.column("times", "count");
    for (const char* header : {"mean", "deviation", "min", "p50", "p95", "p99", "max"}) {
        table.column(header, header);
    }
    table.table().column("slowest one", false);
    for (std::size_t i = 0; i < figures.rows.size(); ++i) {
        const Distribution* d = find(figures.rows[i], function);
        if (d == nullptr) {
            continue;
        }
        table.row(i);
        table.table().plain(static_cast<double>(d->count));
        table.number(d->mean, unit.size);
        table.number(bare(d->deviation), unit.size);
        table.number(bare(d->min), unit.size);
        for (const Value* v : {&d->p50, &d->p95, &d->p99}) {
            table.number(*v, unit.size);
        }
        table.number(bare(d->max), unit.size);
        table.table().text(source_link(d->slowest, page.folder));
    }
    return table.html();
}

}  // namespace

std::string scaling_table(const PageContent& page) {
    const Figures& figures = page.figures;
    const Unit unit = time_unit(typical(figures, [](const Row& row) { return row.time.value; }));
    RowTable table(page, "scaling-table", "Time, rate, speed-up and efficiency");
    table.column("repeats", "repeats");
    table.column(with_unit(figures.time_name.empty() ? "time" : figures.time_name, unit.name), "time_s");
    table.column(with_unit(figures.rate_name.empty() ? "rate" : figures.rate_name, figures.rate_unit), "rate");
    table.column("relative time", "relative_time");
    table.column("speed-up", "speedup_common");
    table.column("strong efficiency [%]", "strong_common");
    table.column("weak efficiency [%]", "weak_common");
    table.column("own speed-up", "speedup_own");
    table.column("own strong efficiency [%]", "strong_own");
    table.column("own weak efficiency [%]", "weak_own");
    for (std::size_t i = 0; i < figures.rows.size(); ++i) {
        const Row& row = figures.rows[i];
        table.row(i);
        table.table().plain(static_cast<double>(row.executions.size()));
        table.number(row.time, unit.size);
        table.number(row.rate);
        table.number(row.relative_time);
        table.number(row.speedup_common);
        table.percent(row.strong_common);
        table.percent(row.weak_common);
        table.number(row.speedup_own);
        table.percent(row.strong_own);
        table.percent(row.weak_own);
    }
    return table.html();
}

std::string resources_table(const PageContent& page) {
    const Figures& figures = page.figures;
    const Unit memory = memory_unit(typical(figures, [](const Row& row) { return row.memory_bytes.value; }));
    RowTable table(page, "resources-table", "CPUs, memory, energy and databases");
    table.column("CPUs used [%]", "cpu_utilization");
    table.column("GPUs used [%]", "gpu_utilization");
    table.column(with_unit("memory of a task", memory.name), "memory_bytes");
    table.column("energy [J]", "energy_j");
    table.column("databases' share of CPU time [%]", "database_share");
    table.column("imbalance of ranks [%]", "imbalance");
    for (const char* part : {"queue", "input", "inference", "output"}) {
        table.column(with_unit(fmt::format("requests: {}", part), "%"), fmt::format("database_{}", part));
    }
    for (std::size_t i = 0; i < figures.rows.size(); ++i) {
        const Row& row = figures.rows[i];
        table.row(i);
        table.percent(row.utilization);
        table.percent(row.gpu_utilization);
        table.number(row.memory_bytes, memory.size);
        table.number(row.energy_j);
        for (const Value* v : {&row.database_share, &row.imbalance, &row.database.queue, &row.database.input,
                               &row.database.inference, &row.database.output}) {
            table.percent(*v);
        }
    }
    return table.html();
}

std::string breakdown_table(const PageContent& page) {
    RowTable table(page, "breakdown-table", "Parts of the time, in %");
    for (const char* part : {"communication", "compute", "io", "preprocess", "bubble", "other"}) {
        table.column(part == std::string("io") ? "I/O" : part, part);
    }
    for (std::size_t i = 0; i < page.figures.rows.size(); ++i) {
        const Breakdown& b = page.figures.rows[i].breakdown;
        table.row(i);
        for (const Value* v : {&b.communication, &b.compute, &b.io, &b.preprocess, &b.bubble, &b.other}) {
            table.percent(*v);
        }
    }
    return table.html();
}

std::string metrics_table(const PageContent& page) {
    constexpr std::size_t kColumns = 7;  // of one table: more do not fit on paper
    const Figures& figures = page.figures;
    std::string html;
    for (std::size_t begin = 0; begin < figures.metrics.size(); begin += kColumns) {
        const std::size_t end = std::min(figures.metrics.size(), begin + kColumns);
        RowTable table(page, begin == 0 ? "metrics-table" : fmt::format("metrics-table-{}", begin / kColumns + 1),
                       begin == 0 ? "Means over the repeats" : "Further metrics");
        for (std::size_t i = begin; i < end; ++i) {
            table.column(with_unit(figures.metrics[i].name, figures.metrics[i].unit),
                         "metrics." + figures.metrics[i].name);
        }
        for (std::size_t i = 0; i < figures.rows.size(); ++i) {
            table.row(i);
            for (std::size_t m = begin; m < end; ++m) {
                table.number(m < figures.rows[i].metrics.size() ? figures.rows[i].metrics[m] : Value{});
            }
        }
        html += table.html();
    }
    return html;
}

std::string profile_table(const PageContent& page) {
    RowTable table(page, "profile-table", "Self times that a profiler counted; no wall-clock times");
    table.table().column("function", false);
    table.column("calls", "count");
    table.column("total [s]", "total");
    for (std::size_t i = 0; i < page.figures.rows.size(); ++i) {
        for (const Distribution& d : page.figures.rows[i].functions) {
            if (d.profiled) {
                table.row(i);
                table.table().text(escaped(d.function));
                table.table().plain(static_cast<double>(d.count));
                table.number(bare(d.mean.value * static_cast<double>(d.count)));
            }
        }
    }
    return table.html();
}

std::string distributions(const PageContent& page) {
    std::string html;
    for (std::size_t i = 0; i < page.figures.functions.size(); ++i) {
        const std::string& function = page.figures.functions[i];
        if (const std::string table = times_table(page, function, i); !table.empty()) {
            html += fmt::format("<h3>{}</h3>\n{}{}", escaped(function),
                                figures_of(page, Plot::Section::kTimes, function), table);
        }
    }
    return html;
}

}  // namespace inferstep::report
