#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>
#include <ctime>
#include <filesystem>

#include "report/compute_grouping.hpp"
#include "report/numbers.hpp"
#include "report/page_parts.hpp"
#include "report/tables_parts.hpp"
#include "report/text.hpp"

namespace inferstep::report {
namespace {

// Files of an execution that have a link; the others are in the same folder. Fewer where there are many executions: a
// page of a thousand still has to open on a phone.
std::size_t most_files(const Collection& collection) { return collection.executions.size() > 200 ? 4 : 16; }

const char* state_name(State state) {
    switch (state) {
        case State::kDone:
            return "done";
        case State::kFailed:
            return "failed";
        case State::kTimeout:
            return "time limit";
        case State::kCancelled:
            return "cancelled";
        case State::kMissing:
            return "no result";
    }
    return "";
}

std::string files_of(const Execution& one, std::size_t most, const PageFolder& folder) {
    std::string html;
    for (std::size_t i = 0; i < std::min(one.files.size(), most); ++i) {
        const RankFile& file = one.files[i];
        html += (i == 0 ? "" : " ") + source_link({file.path, 0}, folder);
    }
    if (one.files.size() > most) {
        const std::string parent = std::filesystem::path(one.files[most].path).parent_path().string();
        html += fmt::format(" and {} more in {}", one.files.size() - most,
                            file_link(parent, std::filesystem::path(parent).filename().string() + "/", folder));
    }
    return html;
}

std::string metrics_of(const Execution& one, const PageFolder& folder) {
    std::string html;
    for (const Metric& metric : one.metrics) {
        const std::string link = source_link(metric.source, folder);
        html += fmt::format("{}{} = {}{}{}", html.empty() ? "" : "<br>", escaped(metric.name),
                            significant(metric.value, kDigits), metric.unit.empty() ? "" : " " + escaped(metric.unit),
                            link.empty() ? "" : " (" + link + ")");
    }
    return html;
}

std::string accounting_of(const Execution& one, const PageFolder& folder) {
    const Accounting& a = one.accounting;
    std::string html;
    for (const Source* source : {&a.source, &a.record, &a.gpu}) {
        const std::string link = source_link(*source, folder);
        html += (html.empty() || link.empty() ? "" : " ") + link;
    }
    return html.empty() ? escaped(a.why) : html;
}

std::string parameters_of(const Execution& one) {
    std::string text;
    for (const auto& [name, value] : one.parameters) {
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", escaped(name), escaped(value));
    }
    return text;
}

void add_row(HtmlTable& table, const PageContent& page, std::size_t index) {
    const Execution& one = page.collection.executions[index];
    table.row("", fmt::format("e{}", index));
    table.text(escaped(one.id), true);
    table.text(escaped(state_name(one.state)) + (one.warmup ? " (warm-up)" : "") +
               (one.why.empty() ? "" : ": " + escaped(one.why)));
    table.text(parameters_of(one));
    table.plain(one.repeat);
    table.plain(one.nodes);
    table.plain(one.tasks);
    table.text(time_text(one.begin));
    Value seconds;
    seconds.value = one.seconds;
    table.number(seconds);
    table.text(files_of(one, most_files(page.collection), page.folder));
    table.text(accounting_of(one, page.folder));
    std::string logs;
    for (const Source& log : one.logs) {
        logs += (logs.empty() ? "" : " ") + source_link(log, page.folder);
    }
    table.text(logs);
    table.text(metrics_of(one, page.folder));
}

// The executions of one tree.
std::string table_of(const PageContent& page, std::size_t tree) {
    HtmlTable table(fmt::format("executions-{}", tree), "Executions of " + page.collection.trees[tree].label);
    table.column("execution", false);
    table.column("state", false);
    table.column("parameters", false);
    for (const char* header : {"repeat", "nodes", "tasks"}) {
        table.column(header, true);
    }
    table.column("begin (UTC)", false);
    table.column("time [s]", true);
    for (const char* header : {"rank files", "accounting", "logs", "metrics"}) {
        table.column(header, false);
    }
    std::size_t count = 0;
    for (std::size_t i = 0; i < page.collection.executions.size(); ++i) {
        if (page.collection.executions[i].tree == tree) {
            add_row(table, page, i);
            ++count;
        }
    }
    return count == 0 ? ""
                      : fmt::format("<details><summary>{} execution{} of {}</summary>\n{}</details>\n", count,
                                    count == 1 ? "" : "s", escaped(page.collection.trees[tree].label), table.html());
}

}  // namespace

std::string time_text(double seconds) {
    constexpr double kYear9999 = 253402300799.0;
    if (!(seconds > 0 && seconds < kYear9999)) {
        return "-";
    }
    return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

std::string row_anchor(std::size_t row) { return fmt::format("r{}", row); }

std::string execution_link(const PageContent& page, std::size_t execution) {
    return fmt::format("<a href=\"#e{}\">{}</a>", execution, escaped(page.collection.executions[execution].id));
}

std::string executions(const PageContent& page) {
    std::string rows;
    for (std::size_t i = 0; i < page.figures.rows.size(); ++i) {
        const Row& row = page.figures.rows[i];
        rows += fmt::format("<li id=\"{}\">{}:", row_anchor(i), escaped(name_of(page.figures, row)));
        for (const std::size_t execution : row.executions) {
            rows += " " + execution_link(page, execution);
        }
        rows += row.executions.empty() ? " no execution succeeded</li>\n" : "</li>\n";
    }
    std::string html = rows.empty() ? ""
                                    : fmt::format(
                                          "<details><summary>Which executions the {} rows of the tables are made "
                                          "of</summary>\n<ul class=\"rows\">\n{}</ul></details>\n",
                                          page.figures.rows.size(), rows);
    for (std::size_t tree = 0; tree < page.collection.trees.size(); ++tree) {
        html += table_of(page, tree);
    }
    return html;
}

}  // namespace inferstep::report
